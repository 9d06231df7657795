using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The tile of a convolution on wgmma: 128 rows, 64 for each of two consumer warpgroups, by <see cref="Columns"/>; 64 k indices an iteration. Lays
/// out shared memory; <see cref="WgmmaConvolutionPtx"/> holds the instructions that depend on it.
/// </summary>
/// <remarks>
/// Operands lie in chunks of 64 elements (128 bytes) a row with the 128-byte swizzle. Where k is contiguous a row is an index of the output,
/// else a row is a k index (the transposed forms of wgmma, PTX ISA 8.0, section 9.7.14).
/// Accumulator i of a thread: column 8 (i / 4) + 2 (lane % 4) + i % 2, row lane / 4 of its warp's 16, 8 further down for i % 4 above 1.
/// </remarks>
/// <param name="Columns">Columns: a multiple of 8 up to 256.</param>
/// <param name="TransposeB">Whether the weights have n contiguous, as for an input gradient, not k.</param>
/// <param name="Residual">Whether a residual is added.</param>
/// <param name="Fp32Output">Whether the output is fp32, not bf16.</param>
/// <param name="Cluster">Blocks that bring weights for each other.</param>
internal sealed record WgmmaTile(int Columns, bool TransposeB, bool Residual, bool Fp32Output, int Cluster)
{
    /// <summary>Blocks that share the k-iterations of a tile, as a <see cref="ClusterSplitKTile"/>, where tiles are few.</summary>
    public int Splits { get; init; } = 1;

    /// <summary>Sixteens of k indices in the last chunk of a tap, 1 to 4: what is beyond them is not multiplied.</summary>
    public int LastDepth { get; init; } = Depth / 16;

    /// <summary>Whether a projection shortcut is part of the sums, see <see cref="WgmmaConvolution"/>.</summary>
    public bool Shortcut { get; init; }

    /// <summary>Rows of a tile.</summary>
    public const int Rows = 128;

    /// <summary>k indices of an iteration, and columns of a chunk: a row of 128 bytes.</summary>
    public const int Depth = 64;

    private const int MaxStages = 8;

    /// <summary>Room for the barriers of the pipeline.</summary>
    public const int BarrierBytes = 256;

    /// <summary>
    /// Ring of work tiles, where each tile lies, written by the producer. It runs at most <see cref="Stages"/> tiles ahead and readers lag by at most
    /// one, so that twice the stages never collide.
    /// </summary>
    public const int WorkTiles = 2 * MaxStages, WorkTileBytes = 16;

    /// <summary>Chunks of 64 columns, the last perhaps partly used.</summary>
    public int Chunks => (Columns + 63) / 64;

    /// <summary>
    /// Whether chunks are to be stored through a map of each n tile: the last chunk of a tile is only partly its own, and what follows is another
    /// tile's.
    /// </summary>
    /// <param name="nTiles">Tiles along the output's columns.</param>
    public bool EndsWithinChunk(int nTiles) => !Fp32Output && nTiles > 1 && Columns % 64 != 0;

    /// <summary>Bytes of both operands of an iteration.</summary>
    public int StageBytes => (2 + Chunks) * WgmmaBlock.ChunkBytes;

    /// <summary>Stages that shared memory holds.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - FixedBytes) / StageBytes);

    /// <summary>Two chunks of output for each warpgroup, on their way to memory; nothing where sums are stored from registers.</summary>
    public int StagingBytes => Fp32Output ? 0 : 4 * WgmmaBlock.ChunkBytes;

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => FixedBytes + Stages * StageBytes;

    private int FixedBytes => WgmmaBlock.Alignment + StagingBytes + BarrierBytes + WorkTiles * WorkTileBytes;

    /// <summary>Names the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"n{Columns}{(TransposeB ? "-tb" : "")}{(Residual ? "-residual" : "")}{(Fp32Output ? "-fp32" : "")}{(Shortcut ? "-shortcut" : "")}{(LastDepth < Depth / 16 ? $"-k{LastDepth}" : "")}-c{Cluster}";

    /// <summary>Columns of B that one block of a cluster brings, where k is contiguous.</summary>
    public int PartColumns => Columns / Cluster;

    /// <summary>k indices of a chunk of B that one block of a cluster brings, where columns are contiguous: all, if chunks can be shared out instead.</summary>
    public int PartDepth => Chunks % Cluster == 0 ? Depth : Depth / Cluster;

    /// <summary>Bytes that arrive for B in an iteration.</summary>
    public int BytesOfB => TransposeB ? Chunks * WgmmaBlock.ChunkBytes : Columns * 128;

    /// <summary>Runs of eight columns in a chunk.</summary>
    public int RunsOf(int chunk) => Math.Min(8, (Columns - 64 * chunk) / 8);
}
