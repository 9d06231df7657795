using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// How a block of <see cref="WgmmaAttentionGradient"/> divides its work and its shared memory. Each of two consumer warpgroups owns 64 rows,
/// of queries for dQ or of keys for dK and dV, unless two sums of 64 x D are more than its registers hold: then both have the same rows and each
/// sums half of the channels, from weights that each computes for itself.
/// </summary>
/// <remarks>
/// Operands lie in chunks as those of <see cref="WgmmaAttentionTile"/>: the m tile of two tensors; a ring of stages for the n tiles of two
/// tensors in turn; where keys are owned, log-sum-exp and delta of the n tiles' rows, one for each pair of stages, rounded up, so that there is
/// room for them whenever there is a stage for their queries; barriers.
/// </remarks>
/// <param name="Depth">Channels D of a head, a multiple of 8.</param>
/// <param name="OwnsKeys">Whether the block owns keys, and makes dK and dV; otherwise it owns queries, and makes dQ.</param>
internal sealed record WgmmaAttentionGradientTile(int Depth, bool OwnsKeys)
{
    /// <summary>Names the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"d{Depth}-{(OwnsKeys ? "keys" : "queries")}";

    /// <summary>Bytes of log-sum-exp and delta of 64 rows.</summary>
    public const int StatisticBytes = 2 * WgmmaAttentionTile.NTile * sizeof(float);

    private const int ChunkBytes = WgmmaBlock.ChunkBytes, BarrierBytes = 512, MaxStages = 16;

    /// <summary>Chunks of 64 channels: 1, 2 or 4.</summary>
    public int Chunks => Depth <= 64 ? 1 : Depth <= 128 ? 2 : 4;

    /// <summary>Whether both warpgroups have the same rows.</summary>
    public bool Shares => OwnsKeys && Chunks == 4;

    /// <summary>Rows of an m tile.</summary>
    public int MTile => Shares ? 64 : 128;

    /// <summary>Channels that a warpgroup sums, of each output.</summary>
    public int Columns => Shares ? 32 * Chunks : 64 * Chunks;

    /// <summary>Whether there are registers for weights in use beside the next logits; otherwise products are awaited first.</summary>
    public bool Overlaps => !(OwnsKeys && Chunks > 1);

    /// <summary>Chunks of the m tile of one tensor.</summary>
    public int OwnChunks => MTile / 64 * Chunks;

    /// <summary>Stages of the ring.</summary>
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

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => WgmmaBlock.Alignment + 2 * OwnChunks * ChunkBytes + Stages * Chunks * ChunkBytes + Statistics(Stages) + BarrierBytes;

    private int Statistics(int stages) => OwnsKeys ? (stages + 1) / 2 * StatisticBytes : 0;
}
