namespace TrigFlowNative.Kernels;

/// <summary>
/// Products of strided matrices on one thread of the host, for ops that thread over something else: <see cref="BlockedGemm"/> with
/// rows given by a stride instead of a table.
/// </summary>
internal static unsafe class StridedGemm
{
    /// <summary>Columns rounded up to whole panels.</summary>
    public static int Padded(int columns) => BlockedGemm.Widest.Panels(columns) * BlockedGemm.Widest.PanelColumns;

    /// <summary>Packs B (depth x columns) from contiguous rows, zeros behind the last column: Padded(columns) x depth floats.</summary>
    public static void PackRows(float* b, int stride, int depth, int columns, float* panels)
    {
        BlockedGemm gemm = BlockedGemm.Widest;
        for (int column = 0; column < columns; column += gemm.PanelColumns)
            gemm.PackRows(b + column, stride, depth, Math.Min(gemm.PanelColumns, columns - column), panels + (nint)column * depth);
    }

    /// <summary>Packs B (depth x columns) from contiguous columns: the transpose of a (columns, depth) matrix.</summary>
    public static void PackColumns(float* b, int stride, int depth, int columns, float* panels)
    {
        BlockedGemm gemm = BlockedGemm.Widest;
        for (int column = 0; column < columns; column += gemm.PanelColumns)
            gemm.PackColumns(b + (nint)column * stride, stride, depth, Math.Min(gemm.PanelColumns, columns - column), panels + (nint)column * depth);
    }

    /// <summary>C = start + A B, where A[i, k] = a[i * row + k * step].</summary>
    /// <param name="a">First element of A.</param>
    /// <param name="row">Floats from a row of A to the next: 1 to read a stored matrix transposed.</param>
    /// <param name="step">Floats from A[i, k] to A[i, k + 1]: 1, or the stored matrix's stride.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="panels">B, packed.</param>
    /// <param name="columns">Columns of C to write; a padded count makes the last panel as fast as the others.</param>
    /// <param name="c">First element of C.</param>
    /// <param name="stride">Floats between rows of C.</param>
    /// <param name="start">One row, filled up to whole panels, that every row begins with; null to add to C.</param>
    public static void Multiply(
        float* a, int row, int step, int rows, int depth, float* panels, int columns, float* c, int stride, float* start)
    {
        int* offsets = stackalloc int[rows + BlockedGemm.Spare];
        for (int i = 0; i < rows; i++)
            offsets[i] = i * row;
        BlockedGemm.FillUp(offsets, rows);
        BlockedGemm.Widest.Multiply(new BlockProduct
        {
            A = a,
            Offsets = offsets,
            Rows = rows,
            Walk = new RowWalk(1, 0, depth, step),
            B = panels,
            Columns = columns,
            C = c,
            Stride = stride,
            Start = start,
        });
    }
}
