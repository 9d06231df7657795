namespace TrigFlowNative.Kernels;

/// <summary>Where a norm adds its epsilon.</summary>
public enum NormEpsilon
{
    /// <summary>To the mean square: 1 / sqrt(mean x^2 + epsilon).</summary>
    InRoot,

    /// <summary>To the root: 1 / (sqrt(mean x^2) + epsilon), as in EDM2.</summary>
    Outside,
}
