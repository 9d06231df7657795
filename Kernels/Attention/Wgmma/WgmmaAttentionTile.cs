using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// How a block of <see cref="WgmmaAttention"/> divides its work and its shared memory between two consumer warpgroups. Up to 64 channels each
/// owns 64 rows, whose queries it keeps in registers. Beyond, a warpgroup's registers cannot hold two sums of 64 x D beside the logits:
/// both have the same 64 rows and each sums half of the channels. Each computes all logits for itself, half again as many products as are
/// needed, which spares an exchange of maxima and weights between them at every tile.
/// </summary>
/// <remarks>
/// Operands lie in chunks of 64 rows by 64 channels, rows of 128 bytes with the 128-byte swizzle. First the queries, primal then tangent;
/// then a ring of stages for keys, their tangents, values and theirs, each of 64 rows by all channels; then barriers.
/// </remarks>
/// <param name="Depth">Channels D of a head, a multiple of 8.</param>
/// <param name="Tangent">Whether there is a tangent.</param>
internal sealed record WgmmaAttentionTile(int Depth, bool Tangent)
{
    /// <summary>Names the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"d{Depth}{(Tangent ? "-tangent" : "")}";

    /// <summary>Rows of an n tile.</summary>
    public const int NTile = 64;

    /// <summary>Whether the consumer warpgroups start their products in turn where these overlap with the computation of weights.</summary>
    public const bool TakesTurns = true;

    private const int ChunkBytes = WgmmaBlock.ChunkBytes, BarrierBytes = 512, MaxStages = 16;

    /// <summary>Chunks of 64 channels, the last perhaps partly zeros: 1, 2 or 4, so that halves are whole chunks.</summary>
    public int Chunks => Depth <= 64 ? 1 : Depth <= 128 ? 2 : 4;

    /// <summary>Whether both warpgroups have the same rows.</summary>
    public bool Shares => Chunks > 1;

    /// <summary>Rows of an m tile.</summary>
    public int MTile => Shares ? 64 : 128;

    /// <summary>Channels that a warpgroup sums.</summary>
    public int Columns => Shares ? 32 * Chunks : 64;

    /// <summary>Chunks of the block's queries; as many again for their tangents.</summary>
    public int QueryChunks => Shares ? Chunks : 2;

    /// <summary>Bytes of the block's queries and their tangents.</summary>
    public int QueryBytes => QueryChunks * ChunkBytes * (Tangent ? 2 : 1);

    /// <summary>Stages of the ring.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - WgmmaBlock.Alignment - BarrierBytes - QueryBytes) / (Chunks * ChunkBytes));

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => WgmmaBlock.Alignment + QueryBytes + Stages * Chunks * ChunkBytes + BarrierBytes;

    /// <summary>Whether a GPU has wgmma and a head of so many channels fills at least three quarters of its chunks; otherwise mma.sync does better.</summary>
    public static bool Takes(GpuDevice gpu, int depth) => gpu.TensorCores == TensorCorePath.Wgmma && Takes(depth);

    /// <inheritdoc cref="Takes(GpuDevice, int)"/>
    public static bool Takes(int depth) => depth % 8 == 0 && depth is (>= 48 and <= 64) or (>= 96 and <= 128) or (>= 192 and <= 256);
}
