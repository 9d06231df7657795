using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The tile of a convolution on wgmma: 128 rows, 64 for each of two consumer warpgroups, by <see cref="Columns"/>; 64 k indices in an iteration. The
/// class lays out shared memory; <see cref="WgmmaConvolutionPtx"/> holds the instructions that depend on the tile.
/// </summary>
/// <remarks>
/// Operands lie in chunks with rows of 64 elements (128 bytes) and the 128-byte swizzle. If k is contiguous, a row is an index of the output;
/// otherwise a row is a k index (the transposed forms of wgmma, PTX ISA 8.0, section 9.7.14). Accumulator i of a thread is in column 8 (i / 4) + 2
/// (lane % 4) + i % 2 and row lane / 4 of its warp's 16, 8 rows further down if i % 4 is above 1.
/// </remarks>
/// <param name="Columns">Columns: a multiple of 8 up to 256.</param>
/// <param name="TransposeB">Whether the weights are contiguous along n, as for an input gradient, not along k.</param>
/// <param name="Residual">Whether a residual is added.</param>
/// <param name="Fp32Output">Whether the output is fp32, not bf16.</param>
/// <param name="Cluster">Number of blocks that copy weights for each other.</param>
internal sealed record WgmmaTile(int Columns, bool TransposeB, bool Residual, bool Fp32Output, int Cluster)
{
    /// <summary>Number of blocks that share the k-iterations of a tile, as a <see cref="ClusterSplitKTile"/>, for few tiles.</summary>
    public int Splits { get; init; } = 1;

    /// <summary>Number of runs of 16 k indices in the last chunk of a tap, 1 to 4; k indices beyond them are not multiplied.</summary>
    public int LastDepth { get; init; } = Depth / 16;

    /// <summary>Whether a projection shortcut is part of the sums, see <see cref="WgmmaConvolution"/>.</summary>
    public bool Shortcut { get; init; }

    /// <summary>Rows of a tile.</summary>
    public const int Rows = 128;

    /// <summary>k indices of an iteration, and columns of a chunk: a row of 128 bytes.</summary>
    public const int Depth = 64;

    private const int MaxStages = 8;

    /// <summary>Bytes of the pipeline's barriers.</summary>
    public const int BarrierBytes = 256;

    /// <summary>
    /// Size of the ring of work tiles, the coordinates of each tile, written by the producer. It runs at most <see cref="Stages"/> tiles ahead and
    /// readers lag by at most one, so that twice as many entries never collide.
    /// </summary>
    public const int WorkTiles = 2 * MaxStages, WorkTileBytes = 16;

    /// <summary>Chunks of 64 columns, the last of which may be partly used.</summary>
    public int Chunks => (Columns + 63) / 64;

    /// <summary>
    /// Whether every n tile needs a tensor map of its own to be stored: a tile's last chunk is only partly its own, and the columns after it are
    /// those of another tile.
    /// </summary>
    /// <param name="nTiles">Number of tiles along the output's columns.</param>
    public bool EndsWithinChunk(int nTiles) => !Fp32Output && nTiles > 1 && Columns % 64 != 0;

    /// <summary>Bytes of both operands of an iteration.</summary>
    public int StageBytes => (2 + Chunks) * WgmmaBlock.ChunkBytes;

    /// <summary>Stages of the pipeline: as many as fit.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - FixedBytes) / StageBytes);

    /// <summary>Bytes of two chunks of output for each warpgroup, before they are stored; 0 if sums are stored from registers.</summary>
    public int StagingBytes => Fp32Output ? 0 : 4 * WgmmaBlock.ChunkBytes;

    /// <summary>Dynamic shared memory of a block in bytes.</summary>
    public int SharedBytes => FixedBytes + Stages * StageBytes;

    private int FixedBytes => WgmmaBlock.Alignment + StagingBytes + BarrierBytes + WorkTiles * WorkTileBytes;

    /// <summary>Name of the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"n{Columns}{(TransposeB ? "-tb" : "")}{(Residual ? "-residual" : "")}{(Fp32Output ? "-fp32" : "")}{(Shortcut ? "-shortcut" : "")}{(LastDepth < Depth / 16 ? $"-k{LastDepth}" : "")}-c{Cluster}";

    /// <summary>Columns of B that one block of a cluster copies, if k is contiguous.</summary>
    public int PartColumns => Columns / Cluster;

    /// <summary>k indices of a chunk of B that one block of a cluster copies, if columns are contiguous; all, if blocks can share whole chunks instead.</summary>
    public int PartDepth => Chunks % Cluster == 0 ? Depth : Depth / Cluster;

    /// <summary>Bytes that arrive for B in an iteration.</summary>
    public int BytesOfB => TransposeB ? Chunks * WgmmaBlock.ChunkBytes : Columns * 128;

    /// <summary>Runs of eight columns in a chunk.</summary>
    public int RunsOf(int chunk) => Math.Min(8, (Columns - 64 * chunk) / 8);
}
