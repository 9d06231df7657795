using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A tile of a weight gradient on wgmma: 128 output channels, 64 for each of two consumer warpgroups, by chunks of 64 input channels at a tap; 64
/// pixels in an iteration. The class lays out shared memory; <see cref="WgmmaGradientPtx"/> holds the instructions that depend on the tile.
/// </summary>
/// <remarks>
/// Both operands are transposed: a row of 128 bytes is a pixel. Accumulators are laid out in threads as in <see cref="WgmmaTile"/>. Sums are stored through shared
/// memory in parts of 32 columns, from where bulk copies write whole lines or add to them; so a block begins its next tile while the last parts are being stored.
/// </remarks>
/// <param name="Columns">64, 128, 192 or 256.</param>
internal sealed record WgmmaGradientTile(int Columns)
{
    /// <summary>Columns of a part: 128 bytes of fp32, a row of the swizzle.</summary>
    public const int PartColumns = 32;

    /// <summary>Maximum number of parts of a tile; parts of a warpgroup that are being stored at a time.</summary>
    public const int MaxParts = 8, PartsInFlight = 2;

    /// <summary>Bytes of the ones in bf16: sixteen rows of a chunk, the right operand of all products that sum dy.</summary>
    public const int OnesBytes = 2048;

    /// <summary>Bytes of the staging buffers of both warpgroups.</summary>
    public const int StagingBytes = 2 * PartsInFlight * WgmmaBlock.ChunkBytes;

    private const int MaxStages = 8, FixedBytes = StagingBytes + OnesBytes + WgmmaTile.BarrierBytes;

    /// <summary>Chunks of a tile.</summary>
    public int Chunks => Columns / 64;

    /// <summary>Bytes of both operands of an iteration.</summary>
    public int StageBytes => (2 + Chunks) * WgmmaBlock.ChunkBytes;

    /// <summary>Stages of the pipeline: as many as fit.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - FixedBytes) / StageBytes);

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    public int SharedBytes => FixedBytes + Stages * StageBytes;

    /// <summary>Name of the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"n{Columns}";
}
