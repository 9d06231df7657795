namespace TrigFlowNative.Training.Evaluation;

/// <summary>A matrix within an array, read by strides, so that a transpose or a block of rows needs no copy.</summary>
/// <param name="Data">The array.</param>
/// <param name="Offset">Place of the first element.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns.</param>
/// <param name="RowStride">Distance from an element to the one below it.</param>
/// <param name="ColumnStride">Distance from an element to the one beside it.</param>
internal readonly record struct MatrixView<T>(T[] Data, int Offset, int Rows, int Columns, int RowStride, int ColumnStride)
{
    /// <summary>A matrix that fills the beginning of an array row by row.</summary>
    public static MatrixView<T> Of(T[] data, int rows, int columns) => new(data, 0, rows, columns, columns, 1);

    /// <summary>The same numbers with rows and columns exchanged.</summary>
    public MatrixView<T> Transposed => new(Data, Offset, Columns, Rows, ColumnStride, RowStride);

    /// <summary>Some of the rows.</summary>
    public MatrixView<T> Block(int first, int count) => this with { Offset = Offset + first * RowStride, Rows = count };

    /// <summary>Some of the rows and of the columns.</summary>
    public MatrixView<T> Block(int firstRow, int rows, int firstColumn, int columns) =>
        this with { Offset = Offset + firstRow * RowStride + firstColumn * ColumnStride, Rows = rows, Columns = columns };
}
