namespace TrigFlowNative.Kernels;

/// <summary>Distance of a sample of D elements from its target, with d = f - target.</summary>
public enum LossKind
{
    /// <summary>||d||^2 / D.</summary>
    Squared,

    /// <summary>sqrt(||d||^2 + c^2) - c, which is quadratic below c and linear above (arXiv:2310.14189, eq. 7); the plain norm at c = 0.</summary>
    Huber,

    /// <summary>Sum of |d| / D.</summary>
    Absolute,
}
