namespace TrigFlowNative.Kernels;

/// <summary>
/// A tile of a matrix product on mma.sync, computed by 8 warps of 32 threads, and its division among the warps, in fragments of 16 rows and of 8
/// columns, whose sums stay in registers.
/// </summary>
/// <param name="Rows">Rows of the tile.</param>
/// <param name="Columns">Columns of the tile.</param>
/// <param name="RowFragments">Fragments of 16 rows in a warp.</param>
/// <param name="ColumnFragments">Fragments of 8 columns in a warp, a multiple of four.</param>
/// <param name="Rate">Products in a unit of time, relative to the largest tile: a smaller warp tile reads shared memory more often.</param>
internal sealed record MmaTile(int Rows, int Columns, int RowFragments, int ColumnFragments, double Rate)
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>k indices that a stage holds: two products of 16.</summary>
    public const int Depth = 32;

    /// <summary>
    /// Stages of the pipeline: one is read while three are filled. With the largest tile they take 96 KiB, which every GPU from sm_80 on has for a
    /// block.
    /// </summary>
    public const int Stages = 4;

    private const int ElementBytes = 2;

    /// <summary>Rows that blocks with neighbouring numbers cover together, so that they read the same operands at the same time.</summary>
    private const int NeighbourRows = 2048;

    /// <summary>For products with 256 columns or more. 64 x 64 sums in a warp: 128 registers, and 2 loads of fragments for 8 products.</summary>
    public static readonly MmaTile Wide = new(128, 256, 4, 8, 1);

    /// <summary>For products with 128 columns.</summary>
    public static readonly MmaTile Tall = new(256, 128, 4, 8, 1);

    /// <summary>For products whose columns are a multiple of 192 but not of 128: of a larger tile's columns, 192 and 576 would leave a quarter empty.</summary>
    public static readonly MmaTile Broad = new(128, 192, 2, 12, 0.85);

    /// <summary>For few columns, and for products too small to occupy a GPU with larger tiles.</summary>
    public static readonly MmaTile Small = new(128, 64, 2, 4, 0.55);

    /// <summary>All tiles.</summary>
    public static IReadOnlyList<MmaTile> All { get; } = [Wide, Tall, Broad, Small];

    /// <summary>Rows of a warp's sums.</summary>
    public int WarpRows => 16 * RowFragments;

    /// <summary>Columns of a warp's sums, in groups of <see cref="GroupColumns"/>.</summary>
    public int WarpColumns => 8 * ColumnFragments;

    /// <summary>
    /// Adjacent columns of a warp, which four lanes store together. The warp's groups of such columns alternate with those of the warps beside it, so
    /// that all warps begin within one 128-byte line of shared memory, whatever their number of groups.
    /// </summary>
    public const int GroupColumns = 32;

    /// <summary>Columns from one group of a warp to its next.</summary>
    public int GroupStride => GroupColumns * Columns / WarpColumns;

    /// <summary>Sums of a thread.</summary>
    public int Sums => 4 * RowFragments * ColumnFragments;

    /// <summary>Bytes of the row operand in a stage; the column operand follows.</summary>
    public int RowBytes => Rows * Depth * ElementBytes;

    /// <summary>Bytes of a stage.</summary>
    public int StageBytes => (Rows + Columns) * Depth * ElementBytes;

    /// <summary>Bytes of all stages.</summary>
    public int SharedBytes => Stages * StageBytes;

    /// <summary>M tiles in a group of the raster.</summary>
    public int GroupedTiles => NeighbourRows / Rows;

    /// <summary>The tile in the form that kernels take.</summary>
    public MmaTileShape Shape => new() { Rows = Rows, Columns = Columns, WarpRows = WarpRows, WarpColumns = WarpColumns };

    /// <summary>Tiles of a product.</summary>
    public int Count(int rows, int columns) => (rows + Rows - 1) / Rows * ((columns + Columns - 1) / Columns);

    /// <summary>Returns the tile with which a product should take the least time.</summary>
    public static MmaTile For(int rows, int columns, int multiprocessors) =>
        All.MinBy(tile => Waves(tile.Count(rows, columns), multiprocessors) * tile.Rows * tile.Columns / tile.Rate)!;

    /// <summary>Number of blocks that the busiest multiprocessor runs, one after another.</summary>
    public static double Waves(int blocks, int multiprocessors) => Math.Ceiling((double)blocks / multiprocessors);

    /// <inheritdoc/>
    public override string ToString() => $"{Rows}x{Columns}";
}
