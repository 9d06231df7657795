using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// How a block of <see cref="WgmmaAttention"/> divides its work and its shared memory between two consumer warpgroups. For D up to 64 each owns 64 rows, whose
/// queries it keeps in registers. For larger D a warpgroup's registers cannot hold two sums of 64 x D beside the logits: both own the same 64 rows, and each sums
/// half of the channels. Each computes all logits for itself, half again as many products, so that they need not exchange maxima and weights at every tile.
/// </summary>
/// <remarks>
/// Operands lie in chunks of 64 rows by 64 channels, in rows of 128 bytes with the 128-byte swizzle: first the queries, primal then tangent; then a
/// ring of stages of 64 rows by all channels, for keys, their tangents, values and their tangents; then barriers.
/// </remarks>
/// <param name="Depth">Channels D of a head, a multiple of 8.</param>
/// <param name="Tangent">Whether there is a tangent.</param>
internal sealed record WgmmaAttentionTile(int Depth, bool Tangent)
{
    /// <summary>Name of the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"d{Depth}{(Tangent ? "-tangent" : "")}";

    /// <summary>Rows of an n tile.</summary>
    public const int NTile = 64;

    /// <summary>Whether the consumer warpgroups start their products in turn if products overlap with the computation of weights.</summary>
    public const bool TakesTurns = true;

    private const int ChunkBytes = WgmmaBlock.ChunkBytes, BarrierBytes = 512, MaxStages = 16;

    /// <summary>Chunks of 64 channels, the last of which may be partly zeros: 1, 2 or 4, so that halves are whole chunks.</summary>
    public int Chunks => Depth <= 64 ? 1 : Depth <= 128 ? 2 : 4;

    /// <summary>Whether both warpgroups own the same rows.</summary>
    public bool Shares => Chunks > 1;

    /// <summary>Rows of an m tile.</summary>
    public int MTile => Shares ? 64 : 128;

    /// <summary>Channels that a warpgroup sums.</summary>
    public int Columns => Shares ? 32 * Chunks : 64;

    /// <summary>Chunks of the block's queries; their tangents take as many more.</summary>
    public int QueryChunks => Shares ? Chunks : 2;

    /// <summary>Bytes of the block's queries and their tangents.</summary>
    public int QueryBytes => QueryChunks * ChunkBytes * (Tangent ? 2 : 1);

    /// <summary>Stages of the pipeline of keys and values.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - WgmmaBlock.Alignment - BarrierBytes - QueryBytes) / (Chunks * ChunkBytes));

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    public int SharedBytes => WgmmaBlock.Alignment + QueryBytes + Stages * Chunks * ChunkBytes + BarrierBytes;

    /// <summary>
    /// Whether a GPU has wgmma and a head with <paramref name="depth"/> channels fills at least three quarters of its chunks; otherwise mma.sync is faster.
    /// </summary>
    public static bool Takes(GpuDevice gpu, int depth) => gpu.TensorCores == TensorCorePath.Wgmma && Takes(depth);

    /// <inheritdoc cref="Takes(GpuDevice, int)"/>
    public static bool Takes(int depth) => depth % 8 == 0 && depth is (>= 48 and <= 64) or (>= 96 and <= 128) or (>= 192 and <= 256);
}
