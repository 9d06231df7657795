using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Clips the gradients of a training step before an optimizer applies them: computes their Euclidean norm and the factor that
/// clips it, or says to skip the step if a gradient or loss is not finite, and counts steps taken and skipped. Elements that are not
/// finite may count as 0 instead; then a step is skipped only if no loss is finite, or if a second moment would overflow.
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
    /// <param name="zeroed">
    /// Receives the number of elements that are not finite and count as 0, Float32 (1): the optimizer must take them so too
    /// (<see cref="AdamOptions.ZeroNonFinite"/>). Null: a step with such an element is skipped.
    /// </param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, the maximum norm is not positive, or a tensor is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, Tensor gradients, Tensor losses, float maxNorm, Tensor clip, Tensor counters, Tensor? zeroed = null)
    {
        Expect.Float32(Name, gradients, clip, zeroed);
        Expect.NoTangent(Name, gradients);
        Tally.Require(Name, losses);
        if (clip.Shape != new Shape(ClipLength) || counters.Type != DType.Int32 || counters.Shape != new Shape(CounterLength))
            throw new ArgumentException($"{Name}: clip decision {clip} and counters {counters} must be ({ClipLength}) Float32 and ({CounterLength}) Int32");
        if (zeroed is not null && zeroed.Shape != new Shape(1))
            throw new ArgumentException($"{Name}: the number of zeroed elements is {zeroed}, not (1)");
        if (!(maxNorm > 0))
            throw new ArgumentException($"{Name}: the maximum norm must be positive, not {maxNorm}");
        int blocks = (gradients.Count + Block - 1) / Block;
        Tensor partials = program.Allocate(new Shape(blocks), type: DType.Float64);
        Tensor? counts = zeroed is null ? null : program.Allocate(new Shape(blocks), type: DType.Float64);
        program.Emit(
            $"{Name}.squares", [gradients], [partials, counts],
            cpu => SquaresCpu(cpu, gradients, partials, counts), gpu => SquaresGpu(gpu, gradients, partials, counts));
        program.Emit(
            $"{Name}.clip", [partials, counts, losses, counters], [losses, clip, counters, zeroed],
            _ => ClipCpu(partials, counts, losses, maxNorm, clip, counters, zeroed),
            gpu => ClipGpu(gpu, partials, counts, losses, maxNorm, clip, counters, zeroed));
    }

    /// <summary>Throws unless the tensor can be a clip decision.</summary>
    internal static void RequireClip(string op, Tensor clip)
    {
        if (clip.Type != DType.Float32 || clip.Shape != new Shape(ClipLength))
            throw new ArgumentException($"{op}: the clip decision is {clip}, not ({ClipLength}) {DType.Float32}");
    }

    /// <summary>Returns the factor of the gradients: 0 to skip the step, below 1 to clip, else 1.</summary>
    /// <param name="norm">Norm of the gradients.</param>
    /// <param name="goodLosses">Number of finite losses.</param>
    /// <param name="badLosses">Number of the others.</param>
    /// <param name="maxNorm">Maximum norm.</param>
    /// <param name="zeroes">1 if elements that are not finite count as 0: some losses may then be bad, but not all. Otherwise 0.</param>
    private static float Factor(float norm, double goodLosses, double badLosses, float maxNorm, int zeroes)
    {
        if (!FloatBits.IsFinite(norm) || (badLosses > 0 && (zeroes == 0 || goodLosses == 0)))
            return 0f;
        float length = IntrinsicMath.Min(norm, maxNorm);
        if (!FloatBits.IsFinite(length * length))
            return 0f; // a second moment would overflow and stay infinite
        return length < norm ? length / norm : 1f;
    }
}
