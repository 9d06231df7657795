using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>average += gain (values - average), gain = 1 - beta: an exponential moving average of a slab of parameters.</summary>
/// <remarks>
/// Device memory holds the gain rather than beta, since 1 - beta keeps its digits when beta is nearly 1. In this form an average that
/// equals the values stays unchanged, as it does if <see cref="GradientNorm"/> skips the step.
/// </remarks>
public static partial class ExponentialAverage
{
    private const string Name = "exponential-average";

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="values">Parameters after the optimizer's update, any shape, fp32.</param>
    /// <param name="average">Average of the parameters, of the same shape, persistent.</param>
    /// <param name="gain">1 - beta (1), in [0, 1], written before each run; 1 copies the values.</param>
    /// <param name="clip">Clip decision of <see cref="GradientNorm.Into"/> on the step's gradients, Float32 (2).</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or a tensor is dual or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, Tensor values, Tensor average, Tensor gain, Tensor clip)
    {
        Require(Name, values, average, gain);
        GradientNorm.RequireClip(Name, clip);
        program.Emit(
            $"{Name}.forward", [values, average, gain, clip], [average],
            cpu => IntoCpu(cpu, values, average, gain, clip), gpu => IntoGpu(gpu, values, average, gain, clip));
    }

    /// <summary>Throws unless values, average and gain fit.</summary>
    internal static void Require(string op, Tensor values, Tensor average, Tensor gain)
    {
        Expect.Float32(op, values, average, gain);
        Expect.NoTangent(op, values, average);
        if (values.Shape != average.Shape || gain.Shape != new Shape(1))
            throw new ArgumentException($"{op}: values {values}, average {average} and gain {gain} do not fit: values and average share a shape, gain is (1)");
    }
}
