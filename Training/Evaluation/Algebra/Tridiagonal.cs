using System.Numerics;
using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Reduction of a symmetric matrix to tridiagonal form by Householder reflections, in panels: half of the work is one matrix product a panel (LAPACK's dlatrd and
/// dsytrd; Golub and Van Loan, "Matrix Computations", 8.3). The large elements of a graded matrix should come first: they are eliminated first, and small eigenvalues
/// stay accurate.
/// </summary>
internal static class Tridiagonal
{
    private const int Panel = 32;

    /// <summary>Parts of a product of matrix and vector. Their number is fixed, so that the sums do not depend on the number of threads.</summary>
    private const int Parts = 8;

    /// <summary>Reduces a matrix, which is overwritten.</summary>
    /// <param name="matrix">A (size, size), row by row; only the part on and below the diagonal is read.</param>
    /// <param name="size">Rows and columns.</param>
    /// <returns>The diagonal, and the elements beside it (one fewer).</returns>
    public static (double[] Diagonal, double[] Beside) Reduce(double[] matrix, int size)
    {
        double[] diagonal = new double[size], beside = new double[Math.Max(0, size - 1)];
        double[] v = new double[2 * Panel * size], w = new double[2 * Panel * size]; // [V W] and [W V], a vector a row
        double[] partial = new double[Parts * size], weights = new double[Panel];
        for (int first = 0; first < size; first += Panel)
        {
            int end = Math.Min(size, first + Panel);
            for (int column = first; column < end; column++)
            {
                int taken = column - first;
                Span<double> x = v.AsSpan(taken * size, size);
                for (int i = column; i < size; i++)
                    x[i] = matrix[i * size + column];
                for (int p = 0; p < taken; p++)
                {
                    Span<double> pv = v.AsSpan(p * size, size), pw = w.AsSpan(p * size, size);
                    TensorPrimitives.MultiplyAdd(pv[column..], -pw[column], x[column..], x[column..]);
                    TensorPrimitives.MultiplyAdd(pw[column..], -pv[column], x[column..], x[column..]);
                }

                diagonal[column] = x[column];
                if (column == size - 1)
                    break;
                int from = column + 1;
                (double tau, beside[column]) = Reflection(x[from..]);
                x[..from].Clear();
                Span<double> y = w.AsSpan(taken * size, size);
                y.Clear();
                if (tau == 0)
                    continue;
                Multiply(matrix, size, from, v, taken * size, partial, y);
                Span<double> tail = x[from..], result = y[from..];
                for (int p = 0; p < taken; p++)
                {
                    ReadOnlySpan<double> pv = v.AsSpan(p * size + from, size - from), pw = w.AsSpan(p * size + from, size - from);
                    double vx = TensorPrimitives.Dot(pv, tail), wx = TensorPrimitives.Dot(pw, tail);
                    TensorPrimitives.MultiplyAdd(pv, -wx, result, result);
                    TensorPrimitives.MultiplyAdd(pw, -vx, result, result);
                }

                TensorPrimitives.Multiply(result, tau, result);
                TensorPrimitives.MultiplyAdd(tail, -0.5 * tau * TensorPrimitives.Dot(result, tail), result, result);
            }

            if (end < size)
                Update(matrix, size, end, v, w, end - first);
        }

        return (diagonal, beside);
    }

    /// <summary>A -= V W^T + W V^T in the rows and columns that are left.</summary>
    private static void Update(double[] matrix, int size, int end, double[] v, double[] w, int taken)
    {
        int length = taken * size, rest = size - end;
        w.AsSpan(0, length).CopyTo(v.AsSpan(length));
        v.AsSpan(0, length).CopyTo(w.AsSpan(length));
        MatrixView<double> left = MatrixView<double>.Of(v, 2 * taken, size).Block(0, 2 * taken, end, rest), right = MatrixView<double>.Of(w, 2 * taken, size).Block(0, 2 * taken, end, rest);
        MatrixProduct.Add(-1, left.Transposed, right, MatrixView<double>.Of(matrix, size, size).Block(end, rest, end, rest), lowerOnly: true);
    }

    /// <summary>Makes of x the vector of the reflection I - tau x x^T that takes it to (beta, 0, ...), with x[0] = 1.</summary>
    private static (double Tau, double Beta) Reflection(Span<double> x)
    {
        double rest = TensorPrimitives.Norm<double>(x[1..]), alpha = x[0];
        if (rest == 0)
        {
            x[0] = 1;
            return (0, alpha);
        }

        double beta = -Math.CopySign(double.Hypot(alpha, rest), alpha);
        TensorPrimitives.Divide(x[1..], alpha - beta, x[1..]);
        x[0] = 1;
        return ((beta - alpha) / beta, beta);
    }

    /// <summary>y = A x over rows and columns from <paramref name="from"/>, reading each element below the diagonal once.</summary>
    private static void Multiply(double[] matrix, int size, int from, double[] x, int offset, double[] partial, Span<double> y)
    {
        int rest = size - from, parts = rest < 256 ? 1 : Parts;
        Threads.For(parts, part =>
        {
            // Equal areas of the triangle.
            int begin = from + (int)(rest * Math.Sqrt((double)part / parts)), end = part == parts - 1 ? size : from + (int)(rest * Math.Sqrt((double)(part + 1) / parts));
            Span<double> sums = partial.AsSpan(part * size, size);
            sums[from..].Clear();
            int i = begin;
            for (; i + 4 <= end; i += 4)
                FourRows(matrix, size, from, i, x.AsSpan(offset, size), sums);
            for (; i < end; i++)
                OneRow(matrix, size, from, i, x.AsSpan(offset, size), sums);
        });
        for (int part = 0; part < parts; part++)
            TensorPrimitives.Add(y[from..], partial.AsSpan(part * size + from, rest), y[from..]);
    }

    private static void OneRow(double[] matrix, int size, int from, int i, ReadOnlySpan<double> x, Span<double> sums)
    {
        ReadOnlySpan<double> row = matrix.AsSpan(i * size, size);
        sums[i] += TensorPrimitives.Dot(row[from..i], x[from..i]) + row[i] * x[i];
        TensorPrimitives.MultiplyAdd(row[from..i], x[i], sums[from..i], sums[from..i]);
    }

    /// <summary>Four rows at once, so that x and the sums are read a quarter as often.</summary>
    private static void FourRows(double[] matrix, int size, int from, int i, ReadOnlySpan<double> x, Span<double> sums)
    {
        int count = i - from, width = Vector<double>.Count, c = 0;
        ReadOnlySpan<double> r0 = matrix.AsSpan(i * size + from, count), r1 = matrix.AsSpan((i + 1) * size + from, count), r2 = matrix.AsSpan((i + 2) * size + from, count), r3 = matrix.AsSpan((i + 3) * size + from, count);
        ReadOnlySpan<double> along = x.Slice(from, count);
        Span<double> down = sums.Slice(from, count);
        Vector<double> x0 = new(x[i]), x1 = new(x[i + 1]), x2 = new(x[i + 2]), x3 = new(x[i + 3]), s0 = default, s1 = default, s2 = default, s3 = default;
        for (; c + width <= count; c += width)
        {
            Vector<double> a0 = new(r0[c..]), a1 = new(r1[c..]), a2 = new(r2[c..]), a3 = new(r3[c..]), at = new(along[c..]);
            s0 += a0 * at;
            s1 += a1 * at;
            s2 += a2 * at;
            s3 += a3 * at;
            (new Vector<double>(down[c..]) + a0 * x0 + a1 * x1 + (a2 * x2 + a3 * x3)).CopyTo(down[c..]);
        }

        double t0 = Vector.Sum(s0), t1 = Vector.Sum(s1), t2 = Vector.Sum(s2), t3 = Vector.Sum(s3);
        for (; c < count; c++)
        {
            t0 += r0[c] * along[c];
            t1 += r1[c] * along[c];
            t2 += r2[c] * along[c];
            t3 += r3[c] * along[c];
            down[c] += r0[c] * x[i] + r1[c] * x[i + 1] + (r2[c] * x[i + 2] + r3[c] * x[i + 3]);
        }

        sums[i] += t0;
        sums[i + 1] += t1;
        sums[i + 2] += t2;
        sums[i + 3] += t3;
        for (int row = 0; row < 4; row++) // the small triangle at the diagonal
            for (int column = 0; column <= row; column++)
            {
                double a = matrix[(i + row) * size + i + column];
                sums[i + row] += a * x[i + column];
                if (column < row)
                    sums[i + column] += a * x[i + row];
            }
    }
}
