namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// A Fréchet distance without the bias of few images (Chong and Forsyth, arXiv:1911.07023): distances of random subsets of growing size are fitted by a line over 1 / n,
/// whose value at 0 this is. Sizes are those of dgm-eval: 15 from max(2, min(5000, n / 10)) to n.
/// </summary>
public static class FrechetInfinity
{
    /// <summary>Number of sizes.</summary>
    public const int Sizes = 15;

    /// <summary>Fewest images.</summary>
    public const int Least = 20;

    /// <summary>Extrapolates.</summary>
    /// <param name="judged">Features of the images to judge, at least 20.</param>
    /// <param name="reference">Moments of the reference.</param>
    /// <param name="seed">Seed of the subsets, which are NumPy's.</param>
    /// <exception cref="ArgumentException">There are too few images, or the widths differ.</exception>
    public static double Between(FeatureRows judged, Moments reference, uint seed = 0)
    {
        ArgumentNullException.ThrowIfNull(judged);
        ArgumentNullException.ThrowIfNull(reference);
        int[] sizes = SizesOf(judged.Count);
        var random = new NumpyRandom(seed);
        (double X, double Y)[] points = [.. sizes.Select(size => (1.0 / size, FrechetDistance.Between(judged.Take(random.Choice(judged.Count, size)), reference).Distance))];
        double x = points.Average(point => point.X), y = points.Average(point => point.Y);
        double slope = points.Sum(point => (point.X - x) * (point.Y - y)) / points.Sum(point => (point.X - x) * (point.X - x));
        return y - slope * x;
    }

    internal static int[] SizesOf(int count)
    {
        if (count < Least)
            throw new ArgumentException($"Fréchet distance at infinity: {count} images are too few, at least {Least} are needed");
        int first = Math.Max(2, Math.Min(5000, count / 10));
        return [.. Enumerable.Range(0, Sizes).Select(i => (int)(first + (double)(count - first) * i / (Sizes - 1)))];
    }
}
