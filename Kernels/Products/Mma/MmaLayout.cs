namespace TrigFlowNative.Kernels;

/// <summary>
/// Layout of an operand's stage in shared memory, in bytes from the operand's start, and the part of it that a lane addresses for ldmatrix. The unit
/// is a piece of 8 bf16 (16 bytes), which one cp.async writes and one ldmatrix address reads.
/// </summary>
/// <remarks>
/// Shared memory serves 8 pieces at a time if they lie in different 16-byte columns of a 128-byte line. The 8 pieces of one 8 x 8 matrix do, because a piece's
/// number is permuted (exclusive-or) with bits of its row's number. There are two orders. Rows or columns: the 32 terms of one row after those of another.
/// Lines: all rows (or columns) of one term after those of another, for operands whose terms are not contiguous in memory; ldmatrix.trans transposes them.
/// </remarks>
internal static class MmaLayout
{
    private const int RowBytes = MmaTile.Depth * 2, PieceBytes = 16;

    /// <summary>Offset of a piece of a row of the row operand; a row has four pieces.</summary>
    public static int Row(int row, int piece) => row * RowBytes + PieceBytes * (piece ^ ((row >> 1) & 3));

    /// <summary>Offset of a piece of a column of the column operand; a column has four pieces.</summary>
    public static int Column(int column, int piece) => column * RowBytes + PieceBytes * (piece ^ ((column >> 3) & 3));

    /// <summary>Offset of a piece of a term's line: 8 of its rows or columns.</summary>
    public static int Line(int term, int piece, int lineBytes) => term * lineBytes + PieceBytes * (piece ^ (term & 7));

    /// <summary>Offset that a lane addresses for the first 16 rows from <paramref name="row"/> on and the first 16 terms.</summary>
    public static int RowFragment(int row, int lane) => Row(row + (lane & 15), lane >> 4);

    /// <summary>
    /// Offset that a lane addresses for the first two column fragments from <paramref name="column"/> on, a multiple of 32. Column n of fragment f is
    /// column 8 (n / 2) + 2 f + n % 2 of the operand, so that a thread's sums of four fragments are 8 consecutive columns, which it stores at once.
    /// </summary>
    public static int ColumnFragment(int column, int lane) =>
        Column(column + 8 * ((lane & 7) >> 1) + 2 * (lane >> 4) + (lane & 1), (lane >> 3) & 1);

    /// <summary><see cref="RowFragment"/> for an operand in lines.</summary>
    public static int RowLineFragment(int row, int lane, int lineBytes) =>
        Line((lane & 7) + 8 * (lane >> 4), row / 8 + ((lane >> 3) & 1), lineBytes);

    /// <summary><see cref="ColumnFragment"/> for an operand in lines, whose columns keep their order.</summary>
    public static int ColumnLineFragment(int column, int lane, int lineBytes) =>
        Line((lane & 7) + 8 * ((lane >> 3) & 1), column / 8 + (lane >> 4), lineBytes);

    /// <summary>Step from the first row fragment to another, and to the second 16 terms: first exclusive-or, then add.</summary>
    public static (int Toggle, int Offset) RowStep(int fragment, int slice) => (2 * PieceBytes * slice, 16 * RowBytes * fragment);

    /// <summary>Step from the first pair of column fragments to another, and to the second 16 terms; two pairs are a group.</summary>
    public static (int Toggle, int Offset) ColumnStep(int pair, int slice, int groupStride) =>
        (2 * PieceBytes * slice, (groupStride * (pair / 2) + 4 * (pair % 2)) * RowBytes);

    /// <summary>Step from the first 16 rows of an operand in lines to another 16, and to the second 16 terms.</summary>
    public static (int Toggle, int Offset) RowLineStep(int sixteen, int slice, int lineBytes) => (2 * PieceBytes * sixteen, 16 * lineBytes * slice);

    /// <summary>Step from the first 16 columns to another 16; two of them are a group. Groups are a multiple of 128 bytes apart, unless there is only one.</summary>
    public static (int Toggle, int Offset) ColumnLineStep(int sixteen, int slice, int lineBytes, int groupStride) =>
        (2 * PieceBytes * (sixteen % 2), 2 * groupStride * (sixteen / 2) + 16 * lineBytes * slice);
}
