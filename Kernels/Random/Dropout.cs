using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = m x / (1 - rate), m = 0 with probability rate and else 1: inverted dropout (arXiv:1207.0580; scaled in training).</summary>
/// <remarks>
/// The mask is computed from counters wherever it is needed and never stored: in forward, on the tangent (the same mask, or
/// F and dF/dt would be of different networks) and in backward, dx += m dy / (1 - rate).
/// </remarks>
public static partial class Dropout
{
    private const string Name = "dropout";

    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, ...).</param>
    /// <param name="random">Stream of the mask; must not advance between forward and backward.</param>
    /// <param name="rate">Probability that an element is dropped, in [0, 1), to 2^-24; 0 returns x itself.</param>
    /// <returns>A tensor of x's shape.</returns>
    /// <exception cref="ArgumentException">The rate is outside [0, 1), x is neither fp32 nor bf16 on a GPU, or the counter is not Int32 (2).</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, RandomSource random, float rate)
    {
        Expect.Activations(Name, x);
        if (!(rate >= 0f && rate < 1f))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, $"{Name}: a rate lies in [0, 1)");
        if (rate == 0f)
            return x;

        var mask = new Mask(RandomStream.Of(Name, random), (uint)(rate * (1 << 24)), 1f / (1f - rate));
        Tensor y = program.AllocateLike(x);
        EmitMasked(program, x.HasTangent ? "tangent" : "forward", x, new GradientSlot(y, false), mask, random.Counter);
        program.Tape?.Record(y, [x], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                EmitMasked(program, "backward", dy, dx, mask, random.Counter);
        });
        return y;
    }

    /// <summary>target = m source / (1 - rate), or that added to it: all three directions.</summary>
    private static void EmitMasked(ComputeProgram program, string direction, Tensor source, GradientSlot target, Mask mask, Tensor counter) =>
        program.Emit(
            $"{Name}.{direction}", [source, counter, target.ReadTensor], [target.Tensor],
            cpu => MaskedCpu(cpu, source, target, mask, counter), gpu => MaskedGpu(gpu, source, target, mask, counter));

    /// <summary>Which elements stay, those whose word's upper 24 bits reach <paramref name="Threshold"/>, and their factor.</summary>
    private readonly record struct Mask(RandomStream Stream, uint Threshold, float Scale);
}
