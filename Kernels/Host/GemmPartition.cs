using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Partition of a product's rows and columns into work items. Each element is one chain of sums, so the partition changes no bit.</summary>
/// <param name="RowItems">Number of row blocks.</param>
/// <param name="Rows">Rows per block.</param>
/// <param name="ColumnItems">Number of column groups.</param>
/// <param name="Columns">Columns per group, whole panels.</param>
internal readonly record struct GemmPartition(int RowItems, int Rows, int ColumnItems, int Columns)
{
    /// <summary>Floating-point operations below which a second thread costs more than it saves, about ten microseconds of one core.</summary>
    public const long MinItemFlops = 1_000_000;

    /// <summary>
    /// Makes about four items per thread if there is enough work, such that the rows of A and C of an item fit a second-level cache.
    /// Columns are divided only if there are too few rows.
    /// </summary>
    /// <param name="cpu">Device whose threads run the items.</param>
    /// <param name="rows">Rows of the primal.</param>
    /// <param name="rowFloats">Floats of A that each row adds to the cache: one pixel's channels even if the row is a patch.</param>
    /// <param name="depth">Length k of the sums.</param>
    /// <param name="columns">Columns of the product.</param>
    /// <param name="halves">2 if a tangent follows the primal, else 1.</param>
    public static GemmPartition Of(CpuDevice cpu, int rows, int rowFloats, int depth, int columns, int halves)
    {
        const int maxRows = 252, minRows = 24, maxCachedFloats = 65536;
        long flops = 2L * rows * depth * columns;
        int targetItems = (int)Math.Clamp(flops / MinItemFlops, 1, Math.Max(1, 4 * cpu.Threads / halves));
        int height = Math.Clamp((rows + targetItems - 1) / targetItems, minRows, Math.Clamp(maxCachedFloats / (rowFloats + columns), 48, maxRows));
        int rowItems = (rows + height - 1) / height;
        int panels = BlockedGemm.Widest.Panels(columns), groups = Math.Clamp(targetItems / rowItems, 1, panels);
        int panelsPerGroup = (panels + groups - 1) / groups;
        return new GemmPartition(rowItems, height, (panels + panelsPerGroup - 1) / panelsPerGroup, panelsPerGroup * BlockedGemm.Widest.PanelColumns);
    }
}
