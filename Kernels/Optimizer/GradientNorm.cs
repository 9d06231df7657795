using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Judges a step's gradients before an optimizer applies them: their Euclidean norm, the factor that clips it, and whether
/// anything, gradient or loss, is not finite, in which case the step is to be skipped and is counted.
/// </summary>
/// <remarks>
/// The verdict stays in device memory, where <see cref="Adam"/>, <see cref="RAdam"/> and <see cref="ExponentialAverage"/>
/// read it: nobody waits for it. Sums in float64, over blocks of a fixed size in a fixed order.
/// </remarks>
public static partial class GradientNorm
{
    private const string Name = "gradient-norm";

    /// <summary>
    /// Elements summed by one group or one item: little enough that the last wave of groups is short on a GPU, and so much that the
    /// one group which adds up the sums has few.
    /// </summary>
    private const int Block = 1 << 14;

    /// <summary>Elements of a verdict: the norm, NaN or infinite in a step to skip; and the factor for the gradient, 0 in such a step.</summary>
    public const int VerdictLength = 2;

    /// <summary>Elements of the counters: steps taken, steps skipped, steps skipped in a row up to now, the longest such row.</summary>
    public const int CounterLength = 4;

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="gradients">A slab of gradients, any shape; read only.</param>
    /// <param name="losses">The <see cref="Tally"/> of the step's losses; set to zero, ready for the next step.</param>
    /// <param name="limit">Largest norm that is left as it is; <see cref="float.PositiveInfinity"/> clips nothing.</param>
    /// <param name="verdict">Receives the verdict, Float32 (2).</param>
    /// <param name="counters">Counters, Int32 (4), persistent; one step is added.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or the limit is not positive.</exception>
    public static void Into(ComputeProgram program, Tensor gradients, Tensor losses, float limit, Tensor verdict, Tensor counters)
    {
        Expect.Float32(Name, gradients, verdict);
        Expect.NoTangent(Name, gradients);
        Tally.Require(Name, losses);
        if (verdict.Shape != new Shape(VerdictLength) || counters.Type != DType.Int32 || counters.Shape != new Shape(CounterLength))
            throw new ArgumentException($"{Name}: verdict {verdict} and counters {counters} must be ({VerdictLength}) Float32 and ({CounterLength}) Int32");
        if (!(limit > 0))
            throw new ArgumentException($"{Name}: the limit is positive, not {limit}");
        Tensor partials = program.Allocate(new Shape((gradients.Count + Block - 1) / Block), type: DType.Float64);
        program.Emit(
            $"{Name}.squares", [gradients], [partials],
            cpu => SquaresCpu(cpu, gradients, partials), gpu => SquaresGpu(gpu, gradients, partials));
        program.Emit(
            $"{Name}.verdict", [partials, losses, counters], [losses, verdict, counters],
            _ => VerdictCpu(partials, losses, limit, verdict, counters), gpu => VerdictGpu(gpu, partials, losses, limit, verdict, counters));
    }

    /// <summary>Throws unless the tensor can be a verdict.</summary>
    internal static void RequireVerdict(string op, Tensor verdict)
    {
        if (verdict.Type != DType.Float32 || verdict.Shape != new Shape(VerdictLength))
            throw new ArgumentException($"{op}: {verdict} is no verdict on gradients, which is ({VerdictLength}) {DType.Float32}");
    }

    /// <summary>The factor for the gradient: 0 to skip the step, below 1 to clip, else 1.</summary>
    private static float Factor(float norm, double badLosses, float limit)
    {
        if (!FloatBits.IsFinite(norm) || badLosses > 0)
            return 0f;
        float length = IntrinsicMath.Min(norm, limit);
        if (!FloatBits.IsFinite(length * length))
            return 0f; // a second moment would overflow, and never come back
        return length < norm ? length / norm : 1f;
    }
}
