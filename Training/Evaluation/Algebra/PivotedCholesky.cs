using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// A factor F with F^T F = S of a symmetric matrix without negative eigenvalues, by Cholesky's method with the largest remaining diagonal element as the next
/// pivot. It ends at the rank, so that singular matrices need no offset (Higham, "Accuracy and Stability of Numerical Algorithms", section 10.3).
/// </summary>
internal static class PivotedCholesky
{
    private const int Panel = 64;

    /// <summary>Factorises.</summary>
    /// <param name="matrix">S (size, size), row by row; only the part on and below the diagonal is read.</param>
    /// <param name="size">Rows and columns.</param>
    /// <returns>F (rank, size), row by row, each row starting with the largest element; and the rank.</returns>
    /// <remarks>
    /// A remaining diagonal element below size 2^-52 times the largest one is rounding, and ends the work, as in LAPACK's dpstrf. What is left out has a trace of at
    /// most size times that.
    /// </remarks>
    public static (double[] Factor, int Rank) Factor(double[] matrix, int size)
    {
        double[] left = matrix.AsSpan(0, size * size).ToArray(), factor = new double[size * size], diagonal = new double[size];
        bool[] done = new bool[size];
        for (int i = 0; i < size; i++)
            diagonal[i] = left[i * size + i];
        double least = size * Math.ScaleB(1, -52) * (size == 0 ? 0 : TensorPrimitives.Max<double>(diagonal));
        int rank = 0;
        while (rank < size)
        {
            int first = rank, end = Math.Min(size, rank + Panel);
            for (; rank < end; rank++)
            {
                int pivot = Largest(diagonal, done);
                if (!(diagonal[pivot] > least))
                    return (factor.AsSpan(0, rank * size).ToArray(), rank);
                Row(left, size, pivot, factor, first, rank, done, diagonal);
            }

            if (rank < size)
            {
                MatrixView<double> panel = MatrixView<double>.Of(factor, size, size).Block(first, rank - first);
                MatrixProduct.Add(-1, panel.Transposed, panel, MatrixView<double>.Of(left, size, size), lowerOnly: true);
            }
        }

        return (factor, rank);
    }

    private static int Largest(double[] diagonal, bool[] done)
    {
        int best = -1;
        for (int i = 0; i < diagonal.Length; i++)
            if (!done[i] && (best < 0 || diagonal[i] > diagonal[best]))
                best = i;
        return best;
    }

    /// <summary>Row <paramref name="rank"/> of F: the pivot's column of what is left of S, over the root of its diagonal element.</summary>
    private static void Row(double[] left, int size, int pivot, double[] factor, int first, int rank, bool[] done, double[] diagonal)
    {
        Span<double> row = factor.AsSpan(rank * size, size);
        left.AsSpan(pivot * size, pivot).CopyTo(row);
        for (int i = pivot + 1; i < size; i++)
            row[i] = left[i * size + pivot];
        for (int before = first; before < rank; before++)
        {
            ReadOnlySpan<double> other = factor.AsSpan(before * size, size);
            TensorPrimitives.MultiplyAdd(other, -other[pivot], row, row);
        }

        double root = Math.Sqrt(diagonal[pivot]);
        TensorPrimitives.Divide(row, root, row);
        done[pivot] = true;
        row[pivot] = root;
        for (int i = 0; i < size; i++)
        {
            if (i == pivot)
                continue;
            if (done[i])
                row[i] = 0;
            else
                diagonal[i] -= row[i] * row[i];
        }
    }
}
