using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Replaces labels at random by -1, no label, so that one network learns the conditional and the unconditional model, which
/// classifier-free guidance needs (arXiv:2207.12598, Algorithm 1).
/// </summary>
/// <remarks>One Philox draw a sample; not differentiable.</remarks>
public static partial class LabelDropout
{
    private const string Name = "label-dropout";

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="labels">Labels, Int32 (N).</param>
    /// <param name="random">Which draws are used.</param>
    /// <param name="rate">Probability that a label is dropped, in [0, 1].</param>
    /// <returns>Labels, Int32 (N).</returns>
    /// <exception cref="ArgumentException">Labels are not Int32 (N), or the rate is not in [0, 1].</exception>
    public static Tensor Apply(ComputeProgram program, Tensor labels, RandomSource random, float rate)
    {
        if (labels.Type != DType.Int32 || labels.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: labels {labels} are not (N) {DType.Int32}");
        if (!(rate is >= 0 and <= 1))
            throw new ArgumentException($"{Name}: the rate is in [0, 1], not {rate}");
        Tensor kept = program.Allocate(labels.Shape, type: DType.Int32);
        program.Emit(
            $"{Name}.forward", [labels, random.Counter], [kept],
            _ => ForwardCpu(labels, kept, random, rate), gpu => ForwardGpu(gpu, labels, kept, random, rate));
        return kept;
    }

    /// <summary>The label of sample n after the draw; a draw is in (0, 1], so that a rate of 0 keeps all and 1 none.</summary>
    private static int Draw(int label, int n, int step, int firstSample, int purpose, int key0, int key1, float rate)
    {
        Philox.Words words = Philox.At(0u, (uint)(firstSample + n), (uint)step, (uint)purpose, (uint)key0, (uint)key1);
        return Philox.ToUnit(words.A) <= rate ? -1 : label;
    }
}
