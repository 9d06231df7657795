using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// One op in one direction at one shape, timed by the device's clock. To benchmark another kernel, derive from this class: CONTRIBUTING.md
/// shows a complete example.
/// </summary>
/// <inheritdoc/>
public abstract class KernelCase(string family, string direction, string shape, DType type) : SuiteCase(family, direction, shape, type)
{
    /// <summary>Maximum relative L2 error of a correct result.</summary>
    public virtual double Tolerance => Type == DType.BFloat16 ? 1e-2 : 1e-4;

    /// <summary>Whether the op consists of products, which tensor cores accelerate.</summary>
    public virtual bool UsesTensorCores => false;

    /// <summary>Allocates operands on a device and records the op.</summary>
    public abstract RecordedKernel Record(ComputeDevice device);
}

/// <summary>Names of directions in tables and in the peers' scripts.</summary>
public static class Direction
{
    /// <summary>The primal alone.</summary>
    public const string Forward = "forward";

    /// <summary>Primal and tangent in one pass.</summary>
    public const string Tangent = "forward+tangent";

    /// <summary>The gradient of a product's input.</summary>
    public const string InputGradient = "input-gradient";

    /// <summary>The gradient of a product's weight.</summary>
    public const string WeightGradient = "weight-gradient";

    /// <summary>All gradients in one pass.</summary>
    public const string Backward = "backward";

    /// <summary>An optimizer's update.</summary>
    public const string Update = "update";
}
