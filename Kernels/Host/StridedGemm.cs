namespace TrigFlowNative.Kernels;

/// <summary>
/// Products of strided matrices on one host thread, for ops that run parallel loops of their own: <see cref="BlockedGemm"/> with
/// a row stride instead of a table of offsets.
/// </summary>
internal static unsafe class StridedGemm
{
    /// <summary>Rounds a number of columns up to whole panels.</summary>
    public static int Padded(int columns) => BlockedGemm.Widest.Panels(columns) * BlockedGemm.Widest.PanelColumns;

    /// <summary>Packs a row-major B (depth x columns) into Padded(columns) x depth floats, with zeros behind the last column.</summary>
    public static void PackRows(float* b, int stride, int depth, int columns, float* panels)
    {
        BlockedGemm gemm = BlockedGemm.Widest;
        for (int column = 0; column < columns; column += gemm.PanelColumns)
            gemm.PackRows(b + column, stride, depth, Math.Min(gemm.PanelColumns, columns - column), panels + (nint)column * depth);
    }

    /// <summary>Packs a column-major B (depth x columns), the transpose of a row-major (columns, depth) matrix.</summary>
    public static void PackColumns(float* b, int stride, int depth, int columns, float* panels)
    {
        BlockedGemm gemm = BlockedGemm.Widest;
        for (int column = 0; column < columns; column += gemm.PanelColumns)
            gemm.PackColumns(b + (nint)column * stride, stride, depth, Math.Min(gemm.PanelColumns, columns - column), panels + (nint)column * depth);
    }

    /// <summary>C = start + A B, where A[i, k] = a[i * row + k * step].</summary>
    /// <param name="a">First element of A.</param>
    /// <param name="row">Distance between rows of A in floats: 1 to read a stored matrix transposed.</param>
    /// <param name="step">Distance from A[i, k] to A[i, k + 1] in floats: 1, or the stored matrix's stride.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="depth">Columns of A, rows of B.</param>
    /// <param name="panels">Packed B.</param>
    /// <param name="columns">Columns of C to write; a number padded to whole panels makes the last panel as fast as the others.</param>
    /// <param name="c">First element of C.</param>
    /// <param name="stride">Distance between rows of C in floats.</param>
    /// <param name="start">Row from which the sums of every row start, padded to whole panels; null to add to C.</param>
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
