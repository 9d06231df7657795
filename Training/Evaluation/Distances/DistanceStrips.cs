using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Estimates of the squared distances between all rows of two sets, a strip of rows at a time, in 64 MiB.</summary>
internal static class DistanceStrips
{
    private const int StripFloats = 1 << 24, MostRows = 960; // a multiple of the rows that a product takes at a time

    /// <summary>A norm up to which the products of float32 can't overflow.</summary>
    private const double LargestNorm = 1e18;

    /// <summary>What is done with the distances from one row of the left set; called on several threads, for different rows.</summary>
    internal delegate void RowAction(int row, in DistanceEstimates estimates);

    /// <summary>Calls an action for every row of the left set.</summary>
    /// <exception cref="ArgumentException">A row has numbers that are too large or not finite.</exception>
    public static void For(FeatureRows left, FeatureRows right, RowAction action)
    {
        double[] leftSquares = Squares(left), rightSquares = ReferenceEquals(left, right) ? leftSquares : Squares(right);
        double[] rightNorms = [.. rightSquares.Select(Math.Sqrt)];
        double error = ErrorOfProducts(left.Width);
        int atATime = Math.Clamp(StripFloats / Math.Max(1, right.Count) / 96 * 96, 96, MostRows);
        float[] products = new float[(long)Math.Min(atATime, left.Count) * right.Count];
        for (int first = 0; first < left.Count; first += atATime)
        {
            int from = first, taken = Math.Min(atATime, left.Count - first);
            Array.Clear(products);
            MatrixProduct.Add(1f, left.View.Block(first, taken), right.View.Transposed, MatrixView<float>.Of(products, taken, right.Count));
            Threads.For(taken, i =>
            {
                double square = leftSquares[from + i];
                action(from + i, new DistanceEstimates(products.AsSpan(i * right.Count, right.Count), square, rightSquares, rightNorms, 2 * error * Math.Sqrt(square)));
            });
        }
    }

    /// <summary>Bound of the error of a float32 product over the product of the norms, see <see cref="MatrixProduct"/>; a little is added for the float64 arithmetic.</summary>
    internal static double ErrorOfProducts(int width) =>
        (MatrixProduct.Depth + (width + MatrixProduct.Depth - 1) / MatrixProduct.Depth + 8) * Math.ScaleB(1, -24);

    private static double[] Squares(FeatureRows rows)
    {
        double[] squares = rows.SquaredNorms();
        if (rows.Count > 0 && !(TensorPrimitives.Max<double>(squares) < LargestNorm * LargestNorm))
            throw new ArgumentException("nearest neighbours: features are too large or not finite");
        return squares;
    }
}

/// <summary>Bounds of the squared distances from one row to the rows of a set.</summary>
internal readonly ref struct DistanceEstimates(ReadOnlySpan<float> products, double square, double[] squares, double[] norms, double error)
{
    private readonly ReadOnlySpan<float> products = products;

    /// <summary>Estimate of the squared distance to a row of the set.</summary>
    public double Estimate(int j) => square + squares[j] - 2.0 * products[j];

    /// <summary>Most by which the estimate errs.</summary>
    public double Error(int j) => error * norms[j] + 1e-12 * (square + squares[j]);

    /// <summary>The squared distance is at most this.</summary>
    public double AtMost(int j) => Estimate(j) + Error(j);

    /// <summary>The squared distance is at least this.</summary>
    public double AtLeast(int j) => Estimate(j) - Error(j);
}
