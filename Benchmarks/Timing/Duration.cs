namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>Statistics of the times of repeated runs.</summary>
/// <param name="Median">Seconds.</param>
/// <param name="Low">The 5th percentile, seconds.</param>
/// <param name="High">The 95th percentile, seconds.</param>
/// <param name="Repetitions">Number of runs.</param>
public sealed record Duration(double Median, double Low, double High, int Repetitions)
{
    /// <summary>Which clock measured: graph, host or benchmarkdotnet.</summary>
    public string Clock { get; init; } = "host";

    /// <summary>The GPU's state during the runs; null where it is unknown.</summary>
    public GpuState? State { get; init; }

    /// <summary>The statistics of runs, each in seconds.</summary>
    /// <exception cref="ArgumentException">There are no runs.</exception>
    public static Duration Of(IEnumerable<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        return new Duration(Percentile(sorted, 0.5), Percentile(sorted, 0.05), Percentile(sorted, 0.95), sorted.Length);
    }

    /// <summary>A percentile, interpolated linearly between the two nearest values (Hyndman and Fan 1996, type 7).</summary>
    /// <param name="sorted">Values in rising order.</param>
    /// <param name="share">0 for the least, 0.5 for the median, 1 for the greatest.</param>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public static double Percentile(ReadOnlySpan<double> sorted, double share)
    {
        if (sorted.IsEmpty)
            throw new ArgumentException("there are no values to take a percentile of");
        double place = share * (sorted.Length - 1);
        int below = (int)place;
        double above = sorted[Math.Min(below + 1, sorted.Length - 1)];
        return sorted[below] + (place - below) * (above - sorted[below]);
    }
}
