using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = m x / (1 - rate), where m is 0 with probability rate, else 1: inverted dropout (arXiv:1207.0580; scaled in training).</summary>
/// <remarks>
/// The mask is never stored: forward, tangent and backward each compute it from counters. The tangent has the primal's mask, since F and
/// dF/dt must belong to one network. Backward: dx += m dy / (1 - rate).
/// </remarks>
public static partial class Dropout
{
    private const string Name = "dropout";

    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Activations (N, ...), fp32, or bf16 on a GPU.</param>
    /// <param name="random">Stream of the mask; its counter must not change between forward and backward.</param>
    /// <param name="rate">Probability that an element is dropped, in [0, 1), rounded down to a multiple of 2^-24; 0 returns x itself.</param>
    /// <returns>A tensor of x's shape.</returns>
    /// <exception cref="ArgumentException">x is neither fp32 nor bf16 on a GPU, the counter is not Int32 (2), or either is on another device.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate is outside [0, 1).</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, RandomSource random, float rate)
    {
        Expect.Activations(Name, x);
        if (!(rate >= 0f && rate < 1f))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, $"{Name}: the rate must be in [0, 1)");
        if (rate == 0f)
            return x;

        Rule mask = RuleOf(Name, random, rate);
        Tensor y = program.AllocateLike(x);
        EmitMasked(program, x.HasTangent ? "tangent" : "forward", x, new GradientSlot(y, false), mask);
        program.Tape?.Record(y, [x], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, x.Primal) is { } dx)
                EmitMasked(program, "backward", dy, dx, mask);
        });
        return y;
    }

    /// <summary>Emits target (+)= m source / (1 - rate), for forward, tangent and backward.</summary>
    private static void EmitMasked(ComputeProgram program, string direction, Tensor source, GradientSlot target, Rule mask) =>
        program.Emit(
            $"{Name}.{direction}", [source, mask.Counter, target.ReadTensor], [target.Tensor],
            cpu => MaskedCpu(cpu, source, target, mask), gpu => MaskedGpu(gpu, source, target, mask));

    /// <summary>Rule of a mask with a rate, for ops that drop in their own pass too.</summary>
    /// <exception cref="ArgumentException">The counter is not Int32 (2).</exception>
    internal static Rule RuleOf(string op, RandomSource random, float rate) =>
        new(RandomStream.Of(op, random), random.Counter, (uint)(rate * (1 << 24)), 1f / (1f - rate));

    /// <summary>Rule of the mask: elements stay if the upper 24 bits of their word reach <paramref name="Threshold"/>, and get the factor Scale.</summary>
    internal sealed record Rule(RandomStream Stream, Tensor Counter, uint Threshold, float Scale);
}
