namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Eigenvalues of a symmetric matrix: <see cref="Tridiagonal"/>, then implicit QL steps with Wilkinson's shift (Golub and Van Loan, "Matrix Computations", 8.3.4;
/// Martin and Wilkinson 1968). Absolute errors are about 2^-52 times the largest eigenvalue; small eigenvalues of a graded matrix fare better.
/// </summary>
internal static class SymmetricEigenvalues
{
    private const int StepsForEach = 30; // on average, as in LAPACK; two are usual

    /// <summary>The eigenvalues in rising order. The matrix is overwritten.</summary>
    /// <param name="matrix">(size, size), row by row; only the part on and below the diagonal is read. All numbers must be finite.</param>
    /// <param name="size">Rows and columns.</param>
    /// <exception cref="ArgumentException">A number is not finite.</exception>
    public static double[] Of(double[] matrix, int size)
    {
        (double[] diagonal, double[] beside) = Tridiagonal.Reduce(matrix, size);
        OfTridiagonal(diagonal, beside);
        return diagonal;
    }

    /// <summary>Replaces the diagonal of a tridiagonal matrix by its eigenvalues, in rising order; the elements beside it are overwritten.</summary>
    /// <exception cref="ArgumentException">A number is not finite.</exception>
    public static void OfTridiagonal(double[] diagonal, double[] beside)
    {
        int size = diagonal.Length;
        if (diagonal.Concat(beside).Any(value => !double.IsFinite(value)))
            throw new ArgumentException("eigenvalues: the matrix holds numbers that are not finite");

        // QL keeps small eigenvalues accurate if the large elements come last.
        if (size > 1 && Math.Abs(diagonal[0]) > Math.Abs(diagonal[^1]))
        {
            Array.Reverse(diagonal);
            Array.Reverse(beside);
        }

        double[] e = [.. beside, 0];
        int steps = StepsForEach * size;
        for (int l = 0; l < size; l++)
            while (true)
            {
                int m = l;
                while (m < size - 1 && Math.Abs(e[m]) > Negligible(diagonal[m], diagonal[m + 1]))
                    m++;
                if (m == l)
                    break;
                if (steps-- == 0)
                    throw new ArgumentException("eigenvalues: no convergence");
                Step(diagonal, e, l, m);
            }

        Array.Sort(diagonal);
    }

    /// <summary>What an element between two of the diagonal may have and be taken for zero.</summary>
    private static double Negligible(double above, double below) => Math.ScaleB(1, -53) * Math.Sqrt(Math.Abs(above)) * Math.Sqrt(Math.Abs(below)) + 1e-300;

    /// <summary>One implicit QL step on the rows l to m.</summary>
    private static void Step(double[] d, double[] e, int l, int m)
    {
        double g = (d[l + 1] - d[l]) / (2 * e[l]), r = double.Hypot(g, 1);
        g = d[m] - d[l] + e[l] / (g + Math.CopySign(r, g));
        double s = 1, c = 1, p = 0;
        for (int i = m - 1; i >= l; i--)
        {
            double f = s * e[i], b = c * e[i];
            r = double.Hypot(f, g);
            e[i + 1] = r;
            if (r == 0)
            {
                d[i + 1] -= p;
                e[m] = 0;
                return;
            }

            s = f / r;
            c = g / r;
            g = d[i + 1] - p;
            r = (d[i] - g) * s + 2 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
        }

        d[l] -= p;
        e[l] = g;
        e[m] = 0;
    }
}
