using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>How the rows and columns of a product are dealt out to threads. An element is one chain of sums: this changes no bit.</summary>
/// <param name="RowItems">Blocks of rows.</param>
/// <param name="Rows">Rows of a block.</param>
/// <param name="ColumnItems">Groups of columns.</param>
/// <param name="Columns">Columns of a group, whole panels.</param>
internal readonly record struct GemmPartition(int RowItems, int Rows, int ColumnItems, int Columns)
{
    /// <summary>Work below which a second thread costs more than it saves: some ten microseconds of one core.</summary>
    public const long ItemFlops = 1_000_000;

    /// <summary>
    /// Four items for each thread if there is work for them; the rows of A and C of an item fit a second-level cache. Columns
    /// are only divided where the rows are too few.
    /// </summary>
    /// <param name="cpu">Whose threads.</param>
    /// <param name="rows">Rows of the primal.</param>
    /// <param name="rowFloats">Floats of A that a row adds to the cache: a pixel's channels, also where the row is a patch.</param>
    /// <param name="depth">Length of the sums.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="halves">2 if a tangent follows the primal.</param>
    public static GemmPartition Of(CpuDevice cpu, int rows, int rowFloats, int depth, int columns, int halves)
    {
        const int tallest = 252, lowest = 24, cached = 65536; // rows; rows; floats
        long flops = 2L * rows * depth * columns;
        int wanted = (int)Math.Clamp(flops / ItemFlops, 1, Math.Max(1, 4 * cpu.Threads / halves));
        int height = Math.Clamp((rows + wanted - 1) / wanted, lowest, Math.Clamp(cached / (rowFloats + columns), 48, tallest));
        int rowItems = (rows + height - 1) / height;
        int panels = BlockedGemm.Widest.Panels(columns), groups = Math.Clamp(wanted / rowItems, 1, panels);
        int perGroup = (panels + groups - 1) / groups;
        return new GemmPartition(rowItems, height, (panels + perGroup - 1) / perGroup, perGroup * BlockedGemm.Widest.PanelColumns);
    }
}
