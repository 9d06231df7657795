namespace TrigFlowNative.Training.Evaluation;

/// <summary>Mean and covariance of features, all that a Fréchet distance needs of a set of images.</summary>
public sealed class Moments
{
    /// <summary>Wraps moments without copying them.</summary>
    /// <param name="count">Number of images; 0 if it is not known, as of most files.</param>
    /// <param name="mean">Mean of each feature.</param>
    /// <param name="covariance">Covariance with the divisor n - 1, (features, features) row by row, symmetric.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    public Moments(long count, double[] mean, double[] covariance)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(covariance);
        if (mean.Length == 0 || covariance.Length != (long)mean.Length * mean.Length)
            throw new ArgumentException($"{covariance.Length} covariances do not belong to {mean.Length} means");
        (Count, Mean, Covariance) = (count, mean, covariance);
    }

    /// <summary>Number of images; 0 if it is not known.</summary>
    public long Count { get; }

    /// <summary>Number of features.</summary>
    public int Width => Mean.Length;

#pragma warning disable CA1819 // 32 MB of covariances, which nobody wants copied
    /// <summary>Mean of each feature.</summary>
    public double[] Mean { get; }

    /// <summary>Covariance, (<see cref="Width"/>, <see cref="Width"/>) row by row.</summary>
    public double[] Covariance { get; }
#pragma warning restore CA1819

    /// <summary>The moments of some rows.</summary>
    /// <exception cref="ArgumentException">There are fewer than two rows, or numbers that are not finite.</exception>
    public static Moments Of(FeatureRows rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var sums = new MomentSums(rows.Width);
        sums.Add(rows.Values.AsSpan(0, rows.Count * rows.Width));
        return sums.ToMoments();
    }

    /// <summary>Says what is wrong with moments that come from outside; null if nothing is.</summary>
    /// <remarks>
    /// What no rounding explains: numbers that are not finite, a covariance that is not symmetric to 1e-6 of its diagonal's geometric mean, negative variances or
    /// correlations above 1.
    /// </remarks>
    internal string? Fault()
    {
        int width = Width;
        if (Array.FindIndex(Mean, value => !double.IsFinite(value)) is >= 0 and int place)
            return $"mean {place} is {Mean[place]}";
        for (int i = 0; i < width; i++)
        {
            double variance = Covariance[i * width + i];
            if (!double.IsFinite(variance) || variance < 0)
                return $"variance {i} is {variance}, expected a number of at least 0";
            for (int j = 0; j < i; j++)
            {
                double below = Covariance[i * width + j], above = Covariance[j * width + i], scale = Math.Sqrt(variance * Covariance[j * width + j]);
                if (!double.IsFinite(below) || !double.IsFinite(above))
                    return $"covariance ({i}, {j}) is {(double.IsFinite(below) ? above : below)}";
                if (Math.Abs(below - above) > 1e-6 * scale + 1e-12)
                    return $"the covariance is not symmetric: ({i}, {j}) is {below}, ({j}, {i}) is {above}";
                if (Math.Abs(below) > (1 + 1e-6) * scale + 1e-9)
                    return $"covariance ({i}, {j}) is {below}, more than the variances allow ({scale})";
            }
        }

        return null;
    }
}
