using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Self-attention over the pixels of an image: O = P V with P = softmax(S) by rows, S = Q K^T / sqrt(D)
/// (arXiv:1706.03762, eq. 1). No device ever stores S or P: keys are streamed tile by tile.
/// </summary>
/// <remarks>
/// Forward keeps, for each row, the running maximum m of S, the sum l of exp(S - m) and the output so far, already normalised. Each further tile with weights p
/// = exp(S - m') / l' gives O' = s O + p V, where s = exp(m - m') l / l'. Tangent (stated in full in arXiv:2410.11081, appendix F): tS = (tQ K^T + Q tK^T) /
/// sqrt(D), tO = P tV + (P o tS) V - mu O with mu = rowsum(P o tS). Streamed with weights centred on the running mean mu' = s mu + rowsum(p o tS): tO' = s tO +
/// s (mu - mu') O + p tV + (p o (tS - mu')) V. Every term has the magnitude of the result, whereas subtracting mu O at the end of the row would cancel large
/// sums when tS has a large mean; and the last tile needs no correction. Backward (primal only) recomputes P = exp(S - lse) from the log-sum-exp saved per row:
/// with delta = rowsum(dO o O) and dS = P o (dO V^T - delta) / sqrt(D): dQ += dS K, dK += dS^T Q, dV += P^T dO (arXiv:2205.14135, appendix B.2).
/// </remarks>
public static class Attention
{
    /// <summary>Paths on tensor cores, the fastest first; each supports some heads on some GPUs.</summary>
    private static readonly Func<GpuDevice, AttentionSizes, AttentionPath?>[] OnTensorCores = [WgmmaAttentionPath.For, MmaAttention.For];

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
        if (qkv.Type != DType.BFloat16)
            Expect.Float32("attention", qkv);
        else if (program.Device is CpuDevice)
            throw new ArgumentException($"attention: {qkv} is on {program.Device.Name}, but bf16 needs a GPU");
        var sizes = new AttentionSizes(qkv.Shape, heads);
        Tensor y = program.Allocate(new Shape(qkv.Shape.N, qkv.Shape.H, qkv.Shape.W, sizes.Channels), qkv.HasTangent, qkv.Type);
        var operands = new AttentionOperands(qkv, y, program.Allocate(new Shape(sizes.Images, heads, sizes.Length)), sizes);
        AttentionPath path = PathFor(program.Device, qkv.Type, sizes);
        path.Forward(program, operands);
        program.Tape?.Record(y, [qkv], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            if (program.Tape.Slot(program, qkv.Primal) is not { } slot)
                return;
            bool alike = dy.Type == qkv.Type && slot.Tensor.Type == qkv.Type;
            (alike ? path : new PortableAttention()).Backward(program, operands.Primal, dy, slot);
        });
        return y;
    }

    private static AttentionPath PathFor(ComputeDevice device, DType type, AttentionSizes sizes) =>
        type == DType.BFloat16 && device is GpuDevice gpu
            ? OnTensorCores.Select(path => path(gpu, sizes)).FirstOrDefault(path => path is not null) ?? new PortableAttention()
            : new PortableAttention();
}
