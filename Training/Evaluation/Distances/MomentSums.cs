using System.Numerics.Tensors;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Adds up mean and covariance of rows of float32 features in float64, in one pass and in memory for one part of the rows. Parts are centred by their own means and
/// merged (Chan, Golub and LeVeque 1983), so that no digits are lost however large the means are.
/// </summary>
/// <remarks>Rows are taken in parts of <see cref="Part"/>, however they are given, so that the result does not depend on how a caller cuts them.</remarks>
public sealed class MomentSums
{
    /// <summary>Rows that are multiplied at a time.</summary>
    internal const int Part = 512;

    private readonly float[] waiting;
    private readonly double[] mean, scatter;
    private long count;
    private int rows;

    /// <summary>Begins with no rows.</summary>
    /// <param name="width">Features in a row, at least 1.</param>
    public MomentSums(int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        Width = width;
        (waiting, mean, scatter) = (new float[Part * width], new double[width], new double[checked(width * width)]);
    }

    /// <summary>Features in a row.</summary>
    public int Width { get; }

    /// <summary>Rows that were added.</summary>
    public long Count => count + rows;

    /// <summary>Adds rows.</summary>
    /// <param name="features">(any number, <see cref="Width"/>) numbers, row by row.</param>
    /// <exception cref="ArgumentException">They are no whole number of rows, or one is not finite.</exception>
    public void Add(ReadOnlySpan<float> features)
    {
        if (features.Length % Width != 0)
            throw new ArgumentException($"{features.Length} numbers are no rows of {Width}", nameof(features));
        while (!features.IsEmpty)
        {
            int taken = Math.Min(Part - rows, features.Length / Width);
            features[..(taken * Width)].CopyTo(waiting.AsSpan(rows * Width));
            features = features[(taken * Width)..];
            rows += taken;
            if (rows == Part)
                Fold();
        }
    }

    /// <summary>Adds the rows of another sum.</summary>
    /// <exception cref="ArgumentException">Its rows have another width.</exception>
    public void Add(MomentSums other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Width != Width)
            throw new ArgumentException($"rows of {other.Width} features cannot be added to rows of {Width}", nameof(other));
        Fold();
        other.Fold();
        if (other.count > 0)
            Merge(other.count, other.mean, other.scatter);
    }

    /// <summary>The moments of the rows so far, with the divisor n - 1.</summary>
    /// <exception cref="InvalidOperationException">There are fewer than two rows.</exception>
    public Moments ToMoments()
    {
        Fold();
        if (count < 2)
            throw new ArgumentException($"{count} images have no covariance, at least 2 are needed");
        double[] covariance = new double[scatter.Length];
        TensorPrimitives.Divide(scatter, count - 1, covariance);
        MatrixProduct.Mirror(covariance, Width);
        return new Moments(count, [.. mean], covariance);
    }

    private void Fold()
    {
        if (rows == 0)
            return;
        double[] centred = new double[rows * Width], own = new double[Width];
        for (int i = 0; i < rows; i++)
        {
            Span<double> row = centred.AsSpan(i * Width, Width);
            TensorPrimitives.ConvertTruncating<float, double>(waiting.AsSpan(i * Width, Width), row);
            TensorPrimitives.Add(own, row, own);
        }

        TensorPrimitives.Divide(own, rows, own);
        if (!double.IsFinite(TensorPrimitives.Sum<double>(own)))
            throw new ArgumentException("the images have features that are not finite (NaN or infinity)");
        for (int i = 0; i < rows; i++)
            TensorPrimitives.Subtract(centred.AsSpan(i * Width, Width), own, centred.AsSpan(i * Width, Width));
        MatrixView<double> view = MatrixView<double>.Of(centred, rows, Width);
        MatrixProduct.Add(1, view.Transposed, view, MatrixView<double>.Of(scatter, Width, Width), lowerOnly: true);
        Merge(rows, own, scatterOfOther: null);
        rows = 0;
    }

    /// <summary>Takes over the mean of others, and their scatter, if it was not added already: S += d d^T n m / (n + m).</summary>
    private void Merge(long others, double[] meanOfOthers, double[]? scatterOfOther)
    {
        double[] difference = new double[Width];
        TensorPrimitives.Subtract(meanOfOthers, mean, difference);
        double weight = (double)count * others / (count + others);
        Threads.For(Width, i =>
        {
            Span<double> row = scatter.AsSpan(i * Width, i + 1);
            if (scatterOfOther is not null)
                TensorPrimitives.Add(row, scatterOfOther.AsSpan(i * Width, i + 1), row);
            TensorPrimitives.MultiplyAdd(difference.AsSpan(0, i + 1), weight * difference[i], row, row);
        });
        TensorPrimitives.MultiplyAdd(difference, (double)others / (count + others), mean, mean);
        count += others;
    }
}
