using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A tile of a weight gradient on wgmma: 128 output channels, 64 for each of two consumer warpgroups, by chunks of 64 input channels at a tap; 64
/// pixels an iteration. Lays out shared memory; <see cref="WgmmaGradientPtx"/> holds the instructions that depend on it.
/// </summary>
/// <remarks>
/// Both operands are transposed: a row of 128 bytes is a pixel. Accumulators lie in threads as in <see cref="WgmmaTile"/>. On their way to
/// memory sums pass through shared memory in parts of 32 columns, from where bulk stores write whole lines, or add to what is there; so a
/// block begins its next tile while the last parts leave.
/// </remarks>
/// <param name="Columns">64, 128, 192 or 256.</param>
internal sealed record WgmmaGradientTile(int Columns)
{
    /// <summary>Columns of a part: 128 bytes of fp32, as the swizzle wants.</summary>
    public const int PartColumns = 32;

    /// <summary>Most parts of a tile, and parts of a warpgroup that are on their way to memory at a time.</summary>
    public const int MaxParts = 8, PartsInFlight = 2;

    /// <summary>Ones in bf16: sixteen rows of a chunk, which all products with ones read.</summary>
    public const int OnesBytes = 2048;

    /// <summary>Bytes of both warpgroups' parts on their way to memory.</summary>
    public const int StagingBytes = 2 * PartsInFlight * WgmmaBlock.ChunkBytes;

    private const int MaxStages = 8, FixedBytes = StagingBytes + OnesBytes + WgmmaTile.BarrierBytes;

    /// <summary>Chunks of a tile.</summary>
    public int Chunks => Columns / 64;

    /// <summary>Bytes of both operands of an iteration.</summary>
    public int StageBytes => (2 + Chunks) * WgmmaBlock.ChunkBytes;

    /// <summary>Stages that shared memory holds.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - FixedBytes) / StageBytes);

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => FixedBytes + Stages * StageBytes;

    /// <summary>Names the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"n{Columns}";
}
