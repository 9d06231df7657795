namespace TrigFlowNative.Training.Evaluation;

/// <summary>Features of a set of images, a row for each. Wraps the numbers without copying them.</summary>
public sealed class FeatureRows
{
    /// <summary>Wraps rows.</summary>
    /// <param name="values">(count, width) numbers, row by row; more behind them are ignored.</param>
    /// <param name="count">Number of rows, at least 0.</param>
    /// <param name="width">Numbers in a row, at least 1.</param>
    /// <exception cref="ArgumentException">The extents are out of range, or there are fewer numbers.</exception>
    public FeatureRows(float[] values, int count, int width)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (values.Length < (long)count * width)
            throw new ArgumentException($"{values.Length} numbers are not ({count}, {width})", nameof(values));
        (Values, Count, Width) = (values, count, width);
    }

    /// <summary>The numbers, row by row.</summary>
#pragma warning disable CA1819 // rows are gigabytes, which nobody wants copied
    public float[] Values { get; }
#pragma warning restore CA1819

    /// <summary>Number of rows.</summary>
    public int Count { get; }

    /// <summary>Numbers in a row.</summary>
    public int Width { get; }

    /// <summary>One row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public ReadOnlySpan<float> this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(row);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Count);
            return Values.AsSpan(row * Width, Width);
        }
    }

    /// <summary>Copies some rows.</summary>
    /// <param name="rows">Numbers of the rows, in the wanted order.</param>
    public FeatureRows Take(params ReadOnlySpan<int> rows)
    {
        float[] values = new float[rows.Length * Width];
        for (int i = 0; i < rows.Length; i++)
            this[rows[i]].CopyTo(values.AsSpan(i * Width));
        return new FeatureRows(values, rows.Length, Width);
    }

    /// <summary>The sum of the squares of each row, in float64.</summary>
    internal double[] SquaredNorms()
    {
        double[] squares = new double[Count];
        Threads.For(Count, i =>
        {
            double sum = 0;
            foreach (float value in this[i])
                sum += (double)value * value;
            squares[i] = sum;
        });
        return squares;
    }

    internal MatrixView<float> View => MatrixView<float>.Of(Values, Count, Width);

    /// <summary>Requires rows of one width, and a number of them on either side.</summary>
    /// <exception cref="ArgumentException">They differ in width, or there are too few.</exception>
    internal static void RequirePair(string what, FeatureRows reference, FeatureRows judged, int least)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(judged);
        if (reference.Width != judged.Width)
            throw new ArgumentException($"{what}: the reference has rows of {reference.Width} features, the images of {judged.Width}");
        if (Math.Min(reference.Count, judged.Count) < least)
            throw new ArgumentException($"{what}: {Math.Min(reference.Count, judged.Count)} images are too few, at least {least} are needed");
    }
}
