using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Fréchet distance of two normal distributions with the moments of features, |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2) (Dowson and Landau 1982; Heusel et al.,
/// arXiv:1706.08500). In the unit of the features squared, 0 for equal moments; FID is the distance for pooled features of the Inception network of 2015.
/// </summary>
/// <remarks>
/// The trace of the root is the sum of the roots of the eigenvalues of F S2 F^T for any F with F^T F = S1, here of <see cref="PivotedCholesky"/>. That is a symmetric
/// problem of the size of the smaller rank: it is real, it cannot fail, and it needs no offset for singular covariances. Programs that take the root of the matrix
/// S1 S2 itself add 1e-6 to both diagonals where that fails, which changes the value.
/// </remarks>
public static class FrechetDistance
{
    /// <summary>The distance of two sets by their moments.</summary>
    /// <exception cref="ArgumentException">They have different numbers of features, or numbers that are not finite.</exception>
    public static FrechetTerms Between(Moments a, Moments b)
    {
        Require(a, b);
        (double[] factor, int rank) = PivotedCholesky.Factor(a.Covariance, a.Width);
        double[] other = b.Covariance;
        if (rank == a.Width && PivotedCholesky.Factor(b.Covariance, b.Width) is var (second, smaller) && smaller < rank)
            (factor, rank, other) = (second, smaller, a.Covariance); // fewer eigenvalues, and none that are zero but for rounding
        return Terms(a, b, TraceOfRoot(factor, rank, other));
    }

    /// <summary>The distance of sets of which one may hold fewer images than features: its factor is its rows themselves, and the problem has as many rows.</summary>
    /// <exception cref="ArgumentException">They have different numbers of features, fewer than two images, or numbers that are not finite.</exception>
    public static FrechetTerms Between(FeatureRows a, Moments b)
    {
        ArgumentNullException.ThrowIfNull(a);
        Moments own = Moments.Of(a);
        if (a.Count > a.Width)
            return Between(own, b);
        Require(own, b);
        return Terms(own, b, TraceOfRoot(Contrasts(a), a.Count - 1, b.Covariance));
    }

    /// <summary>The sum of the roots of the eigenvalues of F S F^T.</summary>
    private static double TraceOfRoot(double[] factor, int rank, double[] covariance)
    {
        if (rank == 0)
            return 0;
        int width = factor.Length / rank;
        double[] product = new double[factor.Length], square = new double[rank * rank];
        MatrixView<double> f = MatrixView<double>.Of(factor, rank, width), fs = MatrixView<double>.Of(product, rank, width);
        MatrixProduct.Add(1, f, MatrixView<double>.Of(covariance, width, width), fs);
        MatrixProduct.Add(1, fs, f.Transposed, MatrixView<double>.Of(square, rank, rank), lowerOnly: true);
        double sum = 0;
        foreach (double value in SymmetricEigenvalues.Of(square, rank))
            sum += Math.Sqrt(Math.Max(0, value));
        return sum;
    }

    /// <summary>
    /// Helmert's contrasts of the rows over the root of n - 1: a factor of the covariance of n rows with n - 1 rows, none of which is a combination of the others
    /// only because the mean was subtracted.
    /// </summary>
    private static double[] Contrasts(FeatureRows rows)
    {
        int width = rows.Width;
        double[] factor = new double[(rows.Count - 1) * width], sum = new double[width], row = new double[width];
        TensorPrimitives.ConvertTruncating(rows[0], sum);
        for (int k = 1; k < rows.Count; k++)
        {
            TensorPrimitives.ConvertTruncating(rows[k], row);
            Span<double> contrast = factor.AsSpan((k - 1) * width, width);
            TensorPrimitives.MultiplyAdd(row, -k, sum, contrast);
            TensorPrimitives.Divide(contrast, Math.Sqrt((double)k * (k + 1) * (rows.Count - 1)), contrast);
            TensorPrimitives.Add(sum, row, sum);
        }

        return factor;
    }

    private static FrechetTerms Terms(Moments a, Moments b, double trace)
    {
        double mean = 0, variances = 0;
        for (int i = 0; i < a.Width; i++)
        {
            double difference = a.Mean[i] - b.Mean[i];
            mean += difference * difference;
            variances += a.Covariance[i * a.Width + i] + b.Covariance[i * a.Width + i];
        }

        return new FrechetTerms(mean, variances, trace);
    }

    private static void Require(Moments a, Moments b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Width != b.Width)
            throw new ArgumentException($"Fréchet distance: moments of {a.Width} features cannot be compared with those of {b.Width}");
    }
}

/// <summary>The terms of a Fréchet distance.</summary>
/// <param name="Mean">Squared distance of the means.</param>
/// <param name="Variances">Sum of the traces of both covariances.</param>
/// <param name="TraceOfRoot">Trace of the root of the product of the covariances.</param>
public readonly record struct FrechetTerms(double Mean, double Variances, double TraceOfRoot)
{
    /// <summary>The distance. Rounding may leave a little less than 0 for equal sets: about 1e-15 of <see cref="Variances"/>, which is shown as it is.</summary>
    public double Distance => Mean + Variances - 2 * TraceOfRoot;
}
