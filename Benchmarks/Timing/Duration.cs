namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>What repeated runs of one piece of work took.</summary>
/// <param name="Median">Seconds.</param>
/// <param name="Low">The 5th percentile, seconds.</param>
/// <param name="High">The 95th percentile, seconds.</param>
/// <param name="Repetitions">Number of runs.</param>
public sealed record Duration(double Median, double Low, double High, int Repetitions)
{
    /// <summary>How it was measured.</summary>
    public string Clock { get; init; } = "host";

    /// <summary>The GPU's state meanwhile, where it is known.</summary>
    public GpuState? State { get; init; }

    /// <summary>Summarises the runs.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static Duration Of(IEnumerable<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        return new Duration(Percentile(sorted, 0.5), Percentile(sorted, 0.05), Percentile(sorted, 0.95), sorted.Length);
    }

    /// <summary>A percentile of rising values, interpolated linearly between the two nearest (Hyndman and Fan 1996, type 7).</summary>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public static double Percentile(ReadOnlySpan<double> sorted, double share)
    {
        if (sorted.IsEmpty)
            throw new ArgumentException("no values, no percentile");
        double place = share * (sorted.Length - 1);
        int below = (int)place;
        double above = sorted[Math.Min(below + 1, sorted.Length - 1)];
        return sorted[below] + (place - below) * (above - sorted[below]);
    }
}
