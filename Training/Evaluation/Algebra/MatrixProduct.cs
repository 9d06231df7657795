using System.Numerics;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Threaded products of float or double matrices on the host. The shapes alone decide the order of every sum, so that the same numbers give the same bits on
/// any number of threads.
/// </summary>
/// <remarks>
/// Each element is a chain of at most <see cref="Depth"/> fused products, and these chains are added one after another: the error is at most
/// (<see cref="Depth"/> + K / <see cref="Depth"/> + 1) u times the sum of |a b|, where u is half a unit in the last place.
/// </remarks>
internal static class MatrixProduct
{
    /// <summary>Rows of the right factor that are packed at a time: panels stay in the first cache.</summary>
    public const int Depth = 128;

    private const int RowsAtATime = 96; // of the left factor: its block stays in the second cache; a multiple of the tile

    /// <summary>Columns of the right factor that are packed at a time, so that the copy stays small for any width.</summary>
    private const int ColumnsAtATime = 4096;

    /// <summary>C += scale A B.</summary>
    /// <param name="scale">A factor, 1 or -1 for instance; exact in T.</param>
    /// <param name="a">A (m, k).</param>
    /// <param name="b">B (k, n).</param>
    /// <param name="c">C (m, n), stored row by row.</param>
    /// <param name="lowerOnly">Whether only the elements on and below the diagonal of C are wanted; some above it are then changed too.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static unsafe void Add<T>(T scale, MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, bool lowerOnly = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (a.Rows != c.Rows || b.Columns != c.Columns || a.Columns != b.Rows || c.ColumnStride != 1)
            throw new ArgumentException($"product: ({a.Rows}, {a.Columns}) times ({b.Rows}, {b.Columns}) is not ({c.Rows}, {c.Columns})");
        ProductKernel<T> kernel = ProductKernel<T>.Widest;
        int width = kernel.Columns, columnsAtATime = ColumnsAtATime / width * width;
        int packedColumns = (Math.Min(columnsAtATime, c.Columns) + width - 1) / width * width;
        T[] packedB = GC.AllocateUninitializedArray<T>(Math.Min(Depth, a.Columns) * packedColumns);
        int rowBlocks = (c.Rows + RowsAtATime - 1) / RowsAtATime;
        for (int firstColumn = 0; firstColumn < c.Columns; firstColumn += columnsAtATime)
        {
            int columns = Math.Min(columnsAtATime, c.Columns - firstColumn);
            for (int k = 0; k < a.Columns; k += Depth)
            {
                int depth = Math.Min(Depth, a.Columns - k);
                MatrixView<T> blockB = b.Block(k, depth, firstColumn, columns);
                Threads.For((columns + width - 1) / width, panel => PackColumns(blockB, panel * width, width, packedB.AsSpan(panel * width * depth, width * depth)));
                int first = firstColumn, from = k;
                Threads.For(rowBlocks, () => GC.AllocateUninitializedArray<T>(RowsAtATime * Depth), (block, packedA) =>
                {
                    int row = block * RowsAtATime, rows = Math.Min(RowsAtATime, c.Rows - row);
                    int wanted = lowerOnly ? Math.Min(columns, row + rows - first) : columns;
                    if (wanted <= 0)
                        return;
                    PackRows(scale, a.Block(row, rows, from, depth), packedA);
                    fixed (T* left = packedA, right = packedB, target = c.Data)
                    {
                        T* corner = target + c.Offset + (nint)row * c.RowStride + first;
                        for (int column = 0; column < wanted; column += width)
                            for (int i = 0; i < rows; i += ProductKernel<T>.Rows)
                                kernel.Add(depth, left + i * depth, right + (nint)column * depth, corner + (nint)i * c.RowStride + column, c.RowStride, Math.Min(ProductKernel<T>.Rows, rows - i), Math.Min(width, columns - column));
                    }
                });
            }
        }
    }

    /// <summary>Copies the part above the diagonal of a square matrix from below it.</summary>
    public static void Mirror<T>(T[] square, int size)
    {
        const int block = 64;
        int blocks = (size + block - 1) / block;
        Threads.For(blocks, across =>
        {
            for (int down = across; down < blocks; down++)
                for (int i = down * block; i < Math.Min(size, (down + 1) * block); i++)
                    for (int j = across * block; j < Math.Min(i, (across + 1) * block); j++)
                        square[j * size + i] = square[i * size + j];
        });
    }

    private static void PackColumns<T>(MatrixView<T> b, int first, int width, Span<T> panel)
        where T : struct
    {
        int taken = Math.Min(width, b.Columns - first);
        ReadOnlySpan<T> data = b.Data;
        for (int k = 0; k < b.Rows; k++)
        {
            Span<T> row = panel.Slice(k * width, width);
            int at = b.Offset + k * b.RowStride + first * b.ColumnStride;
            if (b.ColumnStride == 1)
            {
                data.Slice(at, taken).CopyTo(row);
            }
            else
            {
                for (int j = 0; j < taken; j++, at += b.ColumnStride)
                    row[j] = data[at];
            }

            row[taken..].Clear();
        }
    }

    private static void PackRows<T>(T scale, MatrixView<T> a, T[] panels)
        where T : struct, INumber<T>
    {
        for (int first = 0; first < a.Rows; first += ProductKernel<double>.Rows)
        {
            int taken = Math.Min(ProductKernel<double>.Rows, a.Rows - first), to = first * a.Columns;
            for (int k = 0; k < a.Columns; k++)
            {
                int at = a.Offset + first * a.RowStride + k * a.ColumnStride;
                for (int i = 0; i < ProductKernel<double>.Rows; i++, at += a.RowStride)
                    panels[to++] = i < taken ? scale * a.Data[at] : T.Zero;
            }
        }
    }
}
