using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Self-attention over the pixels of an image: O = P V with P = softmax(S) by rows, S = Q K^T / sqrt(D)
/// (arXiv:1706.03762, eq. 1). No device ever stores S or P: keys are streamed tile by tile.
/// </summary>
/// <remarks>
/// Forward keeps, for each row, the running maximum m of S, the sum l of exp(S - m) and the output so far, already normalised.
/// A further tile with weights p = exp(S - m') / l' gives O' = s O + p V, where s = exp(m - m') l / l'.
/// Tangent (stated in full in arXiv:2410.11081, appendix F): tS = (tQ K^T + Q tK^T) / sqrt(D), tO = P tV + (P o tS) V - mu O
/// with mu = rowsum(P o tS). Streamed with weights centred on the running mean mu' = s mu + rowsum(p o tS):
/// tO' = s tO + s (mu - mu') O + p tV + (p o (tS - mu')) V. Every term is of the size of the result, whereas subtracting mu O at
/// the end of the row would cancel large sums when tS has a large mean; and nothing is left to do after the last tile.
/// Backward (primal only) recomputes P = exp(S - lse) from the log-sum-exp saved per row: with delta = rowsum(dO o O) and
/// dS = P o (dO V^T - delta) / sqrt(D): dQ += dS K, dK += dS^T Q, dV += P^T dO (arXiv:2205.14135, appendix B.2).
/// </remarks>
public static partial class Attention
{
    /// <summary>Applies the op; the output carries a tangent if qkv does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="qkv">(N, H, W, 3 heads D): the channels are all queries, then all keys, then all values, each heads x D.</param>
    /// <param name="heads">Number of heads; each attends over the L = H W pixels of its image by itself.</param>
    /// <returns>(N, H, W, heads D), stored as qkv is.</returns>
    /// <exception cref="ArgumentException">
    /// qkv has not four extents, its channels are not 3 heads D, or it is neither Float32 nor, on a GPU, BFloat16.
    /// </exception>
    public static Tensor Apply(ComputeProgram program, Tensor qkv, int heads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (qkv.Shape.Rank != 4 || qkv.Shape.C % (3 * heads) != 0)
            throw new ArgumentException($"attention: {qkv} is not (N, H, W, 3 heads D) for heads = {heads}");
        var sizes = new AttentionSizes(qkv.Shape, heads);
        if (qkv.Type == DType.BFloat16)
            return ApplyRounded(program, qkv, sizes);
        Expect.Float32("attention", qkv);
        Tensor y = program.Allocate(new Shape(qkv.Shape.N, qkv.Shape.H, qkv.Shape.W, sizes.Channels), qkv.HasTangent);
        Tensor logSumExp = program.Allocate(new Shape(sizes.Images, heads, sizes.Length));
        if (qkv.HasTangent)
        {
            program.Emit(
                "attention.tangent", [qkv], [y, logSumExp],
                cpu => ForwardCpu(cpu, qkv, y, logSumExp, sizes), gpu => TangentGpu(gpu, qkv, y, logSumExp, sizes));
        }
        else
        {
            program.Emit(
                "attention.forward", [qkv], [y, logSumExp],
                cpu => ForwardCpu(cpu, qkv, y, logSumExp, sizes), gpu => ForwardGpu(gpu, qkv, y, logSumExp, sizes));
        }

        program.Tape?.Record(y, [qkv], () => Backward(program, qkv.Primal, y.Primal, logSumExp, sizes));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor qkv, Tensor y, Tensor logSumExp, AttentionSizes sizes)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        Tensor delta = program.Allocate(logSumExp.Shape);
        if (program.Tape.Slot(program, qkv) is { } slot)
        {
            // One step for dq, dk and dv: they are channel ranges of one gradient, which is either overwritten or added to.
            program.Emit(
                "attention.backward", [qkv, y, dy, logSumExp, slot.ReadTensor], [slot.Tensor, delta],
                cpu => BackwardCpu(cpu, qkv, y, dy, logSumExp, delta, slot, sizes),
                gpu => BackwardGpu(gpu, qkv, y, dy, logSumExp, delta, slot, sizes));
        }
    }
}
