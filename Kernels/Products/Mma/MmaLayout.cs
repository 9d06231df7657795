namespace TrigFlowNative.Kernels;

/// <summary>
/// Where an operand's stage lies in shared memory, in bytes from the operand's start, and which part of it a lane addresses
/// for ldmatrix. Everything is in pieces of 8 bf16 (16 bytes): what one cp.async writes and one ldmatrix address reads.
/// </summary>
/// <remarks>
/// Shared memory serves 8 pieces at a time if they lie in different 16-byte columns of a 128-byte line. The 8 pieces of one
/// 8 x 8 matrix do so because a piece's number is permuted (exclusive-or) with bits of its row's number.
/// Two orders: "rows" and "columns" hold the 32 terms of one row after the other; "lines" hold all rows (or columns) of one
/// term after the other, for operands whose terms are not contiguous in memory, which ldmatrix.trans turns round.
/// </remarks>
internal static class MmaLayout
{
    private const int RowBytes = MmaTile.Depth * 2, PieceBytes = 16;

    /// <summary>A piece of a row of the row operand; four pieces a row.</summary>
    public static int Row(int row, int piece) => row * RowBytes + PieceBytes * (piece ^ ((row >> 1) & 3));

    /// <summary>A piece of a column of the column operand; four pieces a column.</summary>
    public static int Column(int column, int piece) => column * RowBytes + PieceBytes * (piece ^ ((column >> 3) & 3));

    /// <summary>A piece of a term's line, 8 of its rows or columns.</summary>
    public static int Line(int term, int piece, int lineBytes) => term * lineBytes + PieceBytes * (piece ^ (term & 7));

    /// <summary>What a lane addresses for the first 16 rows from <paramref name="row"/> on and the first 16 terms.</summary>
    public static int RowFragment(int row, int lane) => Row(row + (lane & 15), lane >> 4);

    /// <summary>
    /// What a lane addresses for the first two column fragments from <paramref name="column"/> on, a multiple of 32. Column n
    /// of fragment f is taken from column 8 (n / 2) + 2 f + n % 2, so that the sums that a thread holds of four fragments are
    /// those of 8 consecutive columns, which it can store at once.
    /// </summary>
    public static int ColumnFragment(int column, int lane) =>
        Column(column + 8 * ((lane & 7) >> 1) + 2 * (lane >> 4) + (lane & 1), (lane >> 3) & 1);

    /// <summary><see cref="RowFragment"/> of an operand in lines.</summary>
    public static int RowLineFragment(int row, int lane, int lineBytes) =>
        Line((lane & 7) + 8 * (lane >> 4), row / 8 + ((lane >> 3) & 1), lineBytes);

    /// <summary><see cref="ColumnFragment"/> of an operand in lines, whose columns keep their order.</summary>
    public static int ColumnLineFragment(int column, int lane, int lineBytes) =>
        Line((lane & 7) + 8 * ((lane >> 3) & 1), column / 8 + (lane >> 4), lineBytes);

    /// <summary>From the first row fragment's address to that of another and of the second 16 terms: exclusive-or, then add.</summary>
    public static (int Toggle, int Offset) RowStep(int fragment, int slice) => (2 * PieceBytes * slice, 16 * RowBytes * fragment);

    /// <summary>From the first pair of column fragments to another pair, two of which are a group, and the second 16 terms.</summary>
    public static (int Toggle, int Offset) ColumnStep(int pair, int slice, int groupStride) =>
        (2 * PieceBytes * slice, (groupStride * (pair / 2) + 4 * (pair % 2)) * RowBytes);

    /// <summary>From the first 16 rows of an operand in lines to others, and the second 16 terms.</summary>
    public static (int Toggle, int Offset) RowLineStep(int sixteen, int slice, int lineBytes) => (2 * PieceBytes * sixteen, 16 * lineBytes * slice);

    /// <summary>The same of columns, two sixteens of which are a group. The stride of groups is a multiple of 128 bytes, or there is one group.</summary>
    public static (int Toggle, int Offset) ColumnLineStep(int sixteen, int slice, int lineBytes, int groupStride) =>
        (2 * PieceBytes * (sixteen % 2), 2 * groupStride * (sixteen / 2) + 16 * lineBytes * slice);
}
