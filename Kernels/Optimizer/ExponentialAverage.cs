using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>average += gain (values - average), gain = 1 - beta: an exponential moving average of a slab of parameters.</summary>
/// <remarks>
/// The gain rather than beta lies in device memory: 1 - beta keeps its digits where beta rounds to nearly 1. The form leaves
/// an average alone that equals the values. Held where the <see cref="GradientNorm">verdict</see> is to skip the step.
/// </remarks>
public static partial class ExponentialAverage
{
    private const string Name = "exponential-average";

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="values">Parameters, any shape, after the optimizer's update.</param>
    /// <param name="average">Their average, of the same shape, persistent.</param>
    /// <param name="gain">1 - beta in [0, 1], (1), written before each run; 1 makes the average the values.</param>
    /// <param name="verdict">The verdict on the step's gradients.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void Into(ComputeProgram program, Tensor values, Tensor average, Tensor gain, Tensor verdict)
    {
        Require(Name, values, average, gain);
        GradientNorm.RequireVerdict(Name, verdict);
        program.Emit(
            $"{Name}.forward", [values, average, gain, verdict], [average],
            cpu => IntoCpu(cpu, values, average, gain, verdict), gpu => IntoGpu(gpu, values, average, gain, verdict));
    }

    /// <summary>Throws unless values, average and gain fit.</summary>
    internal static void Require(string op, Tensor values, Tensor average, Tensor gain)
    {
        Expect.Float32(op, values, average, gain);
        Expect.NoTangent(op, values, average);
        if (values.Shape != average.Shape || gain.Shape != new Shape(1))
            throw new ArgumentException($"{op}: values {values}, average {average} and gain {gain} do not fit");
    }
}
