using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// One op in one direction at one shape, timed by the device's clock. A benchmark of a further kernel is one such class; see
/// CONTRIBUTING.md for a whole one.
/// </summary>
/// <inheritdoc/>
public abstract class KernelCase(string family, string direction, string shape, DType type) : SuiteCase(family, direction, shape, type)
{
    /// <summary>Largest relative L2 error that passes.</summary>
    public virtual double Tolerance => Type == DType.BFloat16 ? 1e-2 : 1e-4;

    /// <summary>Whether the op's time is that of products of matrices, so that tensor cores matter.</summary>
    public virtual bool UsesTensorCores => false;

    /// <summary>Allocates operands and records the op.</summary>
    public abstract RecordedKernel Record(ComputeDevice device);
}

/// <summary>Names of directions, as they stand in tables and in the peers' scripts.</summary>
public static class Direction
{
    /// <summary>Values alone.</summary>
    public const string Forward = "forward";

    /// <summary>Values and their directional derivatives in one pass.</summary>
    public const string Tangent = "forward+tangent";

    /// <summary>The gradient of what a product reads as its images.</summary>
    public const string InputGradient = "input-gradient";

    /// <summary>The gradient of a product's weights.</summary>
    public const string WeightGradient = "weight-gradient";

    /// <summary>All gradients in one.</summary>
    public const string Backward = "backward";

    /// <summary>A state's next value.</summary>
    public const string Update = "update";
}
