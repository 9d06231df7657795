using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// How a block of <see cref="WgmmaAttentionGradient"/> divides its work and its shared memory. Each of two consumer warpgroups owns 64 rows, of
/// queries for dQ or of keys for dK and dV. If its registers cannot hold two sums of 64 x D, both own the same rows and each sums half of the
/// channels, from weights that each computes for itself.
/// </summary>
/// <remarks>
/// Operands lie in chunks as those of <see cref="WgmmaAttentionTile"/>: the m tile of two tensors; a ring of stages that the n tiles of two tensors
/// take in turn; if the block owns keys, log-sum-exp and delta of the n tiles' rows, once for each pair of stages, rounded up, so that they have a
/// buffer whenever their queries have a stage; barriers.
/// </remarks>
/// <param name="Depth">Channels D of a head, a multiple of 8.</param>
/// <param name="OwnsKeys">Whether the block owns keys and computes dK and dV; otherwise it owns queries and computes dQ.</param>
internal sealed record WgmmaAttentionGradientTile(int Depth, bool OwnsKeys)
{
    /// <summary>Name of the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"d{Depth}-{(OwnsKeys ? "keys" : "queries")}";

    /// <summary>Bytes of log-sum-exp and delta of 64 rows.</summary>
    public const int StatisticBytes = 2 * WgmmaAttentionTile.NTile * sizeof(float);

    private const int ChunkBytes = WgmmaBlock.ChunkBytes, BarrierBytes = 512, MaxStages = 16;

    /// <summary>Chunks of 64 channels: 1, 2 or 4.</summary>
    public int Chunks => Depth <= 64 ? 1 : Depth <= 128 ? 2 : 4;

    /// <summary>Whether both warpgroups own the same rows.</summary>
    public bool Shares => OwnsKeys && Chunks == 4;

    /// <summary>Rows of an m tile.</summary>
    public int MTile => Shares ? 64 : 128;

    /// <summary>Channels of each output that a warpgroup sums.</summary>
    public int Columns => Shares ? 32 * Chunks : 64 * Chunks;

    /// <summary>Whether registers suffice for weights in use beside the next logits; otherwise a warpgroup waits for its products first.</summary>
    public bool Overlaps => !(OwnsKeys && Chunks > 1);

    /// <summary>Chunks of the m tile of one tensor.</summary>
    public int OwnChunks => MTile / 64 * Chunks;

    /// <summary>Stages of the pipeline of n tiles.</summary>
    public int Stages
    {
        get
        {
            int left = WgmmaBlock.MaxSharedBytes - WgmmaBlock.Alignment - BarrierBytes - 2 * OwnChunks * ChunkBytes, stages = MaxStages;
            while (stages * Chunks * ChunkBytes + Statistics(stages) > left)
                stages--;
            return stages;
        }
    }

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    public int SharedBytes => WgmmaBlock.Alignment + 2 * OwnChunks * ChunkBytes + Stages * Chunks * ChunkBytes + Statistics(Stages) + BarrierBytes;

    private int Statistics(int stages) => OwnsKeys ? (stages + 1) / 2 * StatisticBytes : 0;
}
