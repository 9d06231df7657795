using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Clips the gradients of a training step before an optimizer applies them: computes their Euclidean norm and the factor that
/// clips it, or says to skip the step if a gradient or loss is not finite, and counts steps taken and skipped.
/// </summary>
/// <remarks>
/// The clip decision stays in device memory, where <see cref="Adam"/>, <see cref="RAdam"/> and <see cref="ExponentialAverage"/>
/// read it, so the host does not wait for it. Sums are in float64, over blocks of a fixed size in a fixed order.
/// </remarks>
public static partial class GradientNorm
{
    private const string Name = "gradient-norm";

    /// <summary>
    /// Number of elements that one group or item sums: few enough that the last wave of groups is short on a GPU, and enough that
    /// few sums remain for the last group.
    /// </summary>
    private const int Block = 1 << 14;

    /// <summary>Number of elements of a clip decision: the norm, which may be NaN or infinite, and the factor of the gradients, 0 to skip the step.</summary>
    public const int ClipLength = 2;

    /// <summary>Number of counters: steps taken, steps skipped, steps skipped in a row up to now, and the longest such row.</summary>
    public const int CounterLength = 4;

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="gradients">Slab of gradients, any shape, fp32; only read.</param>
    /// <param name="losses"><see cref="Tally"/> of the step's losses, Float64 (3); set to zero for the next step.</param>
    /// <param name="maxNorm">Maximum norm, positive: a greater one is clipped to it; <see cref="float.PositiveInfinity"/> clips nothing.</param>
    /// <param name="clip">Receives the clip decision, Float32 (2).</param>
    /// <param name="counters">Counters of steps, Int32 (4), persistent; this step is added.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, the maximum norm is not positive, or a tensor is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, Tensor gradients, Tensor losses, float maxNorm, Tensor clip, Tensor counters)
    {
        Expect.Float32(Name, gradients, clip);
        Expect.NoTangent(Name, gradients);
        Tally.Require(Name, losses);
        if (clip.Shape != new Shape(ClipLength) || counters.Type != DType.Int32 || counters.Shape != new Shape(CounterLength))
            throw new ArgumentException($"{Name}: clip decision {clip} and counters {counters} must be ({ClipLength}) Float32 and ({CounterLength}) Int32");
        if (!(maxNorm > 0))
            throw new ArgumentException($"{Name}: the maximum norm must be positive, not {maxNorm}");
        Tensor partials = program.Allocate(new Shape((gradients.Count + Block - 1) / Block), type: DType.Float64);
        program.Emit(
            $"{Name}.squares", [gradients], [partials],
            cpu => SquaresCpu(cpu, gradients, partials), gpu => SquaresGpu(gpu, gradients, partials));
        program.Emit(
            $"{Name}.clip", [partials, losses, counters], [losses, clip, counters],
            _ => ClipCpu(partials, losses, maxNorm, clip, counters), gpu => ClipGpu(gpu, partials, losses, maxNorm, clip, counters));
    }

    /// <summary>Throws unless the tensor can be a clip decision.</summary>
    internal static void RequireClip(string op, Tensor clip)
    {
        if (clip.Type != DType.Float32 || clip.Shape != new Shape(ClipLength))
            throw new ArgumentException($"{op}: the clip decision is {clip}, not ({ClipLength}) {DType.Float32}");
    }

    /// <summary>Returns the factor of the gradients: 0 to skip the step, below 1 to clip, else 1.</summary>
    private static float Factor(float norm, double badLosses, float maxNorm)
    {
        if (!FloatBits.IsFinite(norm) || badLosses > 0)
            return 0f;
        float length = IntrinsicMath.Min(norm, maxNorm);
        if (!FloatBits.IsFinite(length * length))
            return 0f; // a second moment would overflow and stay infinite
        return length < norm ? length / norm : 1f;
    }
}
