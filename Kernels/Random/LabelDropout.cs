using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Replaces labels at random by -1, no label, so that one network learns the conditional and the unconditional model, which
/// classifier-free guidance needs (arXiv:2207.12598, Algorithm 1).
/// </summary>
/// <remarks>One draw per sample. Not differentiable.</remarks>
public static partial class LabelDropout
{
    private const string Name = "label-dropout";

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="labels">Labels, Int32 (N).</param>
    /// <param name="random">Stream of the draws.</param>
    /// <param name="rate">Probability that a label is dropped, in [0, 1].</param>
    /// <returns>Labels after dropout, Int32 (N).</returns>
    /// <exception cref="ArgumentException">
    /// Labels are not Int32 (N), the rate is outside [0, 1], the counter is not Int32 (2), or a tensor is on another device.
    /// </exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor labels, RandomSource random, float rate)
    {
        if (labels.Type != DType.Int32 || labels.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: labels are {labels}, not (N) {DType.Int32}");
        if (!(rate is >= 0 and <= 1))
            throw new ArgumentException($"{Name}: the rate must be in [0, 1], not {rate}");
        RandomStream stream = RandomStream.Of(Name, random);
        Tensor kept = program.Allocate(labels.Shape, type: DType.Int32);
        program.Emit(
            $"{Name}.forward", [labels, random.Counter], [kept],
            _ => ForwardCpu(labels, kept, stream, random.Counter, rate), gpu => ForwardGpu(gpu, labels, kept, stream, random.Counter, rate));
        return kept;
    }

    /// <summary>Returns a sample's label after dropout. A draw is in (0, 1], so that a rate of 0 keeps every label and a rate of 1 none.</summary>
    private static int Draw(int label, RandomStream stream, int step, int sample, float rate) =>
        Philox.ToUnit(RandomStream.At(stream, step, sample, 0).A) <= rate ? -1 : label;
}
