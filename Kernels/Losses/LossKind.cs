namespace TrigFlowNative.Kernels;

/// <summary>How the distance d = f - target of a sample of D elements is measured.</summary>
public enum LossKind
{
    /// <summary>||d||^2 / D.</summary>
    Squared,

    /// <summary>sqrt(||d||^2 + c^2) - c, which is quadratic below c and linear above (arXiv:2310.14189, eq. 7); the plain norm at c = 0.</summary>
    Huber,

    /// <summary>sum of |d| / D.</summary>
    Absolute,
}
