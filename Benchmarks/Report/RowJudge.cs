using TrigFlowNative.Benchmarks.Timing;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>What two measurements of a row say about it.</summary>
public enum RowVerdict
{
    /// <summary>The intervals overlap, or the change is below the noise floor.</summary>
    Same,

    /// <summary>The newer row is faster, beyond the intervals and the noise floor.</summary>
    Faster,

    /// <summary>The newer row is slower, beyond the intervals and the noise floor.</summary>
    Slower,

    /// <summary>The row is too short for its clock.</summary>
    TooShort,

    /// <summary>The host's clock timed at least one of them in a single process, which says nothing about the next process.</summary>
    NoIntervals,
}

/// <summary>
/// Judges a row by two measurements. Slower and faster mean: the intervals of both medians part, and the ratio exceeds a noise floor, or three times the spread
/// between rounds if that is more: the row's own, or that of the table's middle row, since five rounds give a row's spread only roughly. If the processor's own peaks, measured in the same rounds, became slower too, the limits move by as much: then the
/// machine has other work. By the host's clock the fastest runs, the least 5th percentile of a round, must differ by the noise floor as well: other
/// work on the machine lengthens many runs, slower code all of them.
/// </summary>
internal static class RowJudge
{
    /// <summary>Least change that counts by the clock within a captured graph, as a share.</summary>
    public const double GraphFloor = 0.05;

    /// <summary>Least change that counts by the host's clock, as a share.</summary>
    public const double HostFloor = 0.12;

    /// <summary>Least time that counts by the host's clock, microseconds: below, calls and wake-ups of threads are measured.</summary>
    public const double HostMicroseconds = 10;

    /// <summary>Least time that counts within a captured graph, microseconds: four ticks of the card's events.</summary>
    public const double GraphMicroseconds = 2;

    private const double Spreads = 3;

    /// <summary>Judges a row that has a time in both runs.</summary>
    /// <param name="older">The row of the older run.</param>
    /// <param name="newer">The row of the newer run.</param>
    /// <param name="usual">Spread between rounds of the table's middle row, as a share; 0 if it is not known.</param>
    public static RowVerdict Judge(BenchmarkRow older, BenchmarkRow newer, double usual = 0)
    {
        bool host = IsHost(older) || IsHost(newer);
        if (Math.Min(older.Microseconds!.Value, newer.Microseconds!.Value) < (host ? HostMicroseconds : GraphMicroseconds))
            return RowVerdict.TooShort;
        if (IntervalOf(older) is not { } before || IntervalOf(newer) is not { } now || SpreadOf(older, newer) is not { } spread)
            return RowVerdict.NoIntervals;
        double ratio = newer.Microseconds.Value / older.Microseconds.Value;
        double limit = 1 + Math.Max(host ? HostFloor : GraphFloor, Spreads * Math.Max(spread, usual));
        if (now.Low > before.High && ratio > limit && Exceeds(older, newer))
            return RowVerdict.Slower;
        return now.High < before.Low && 1 / ratio > limit && Exceeds(newer, older) ? RowVerdict.Faster : RowVerdict.Same;

        bool Exceeds(BenchmarkRow fast, BenchmarkRow slow) => !host ||
            (IntervalOf(slow)!.Low > IntervalOf(fast)!.High * SlowDown(fast, slow) && slow.Microseconds / fast.Microseconds > limit * SlowDown(fast, slow)
            && !(slow.Low / fast.Low <= 1 + HostFloor));
    }

    /// <summary>Returns the spread between rounds of a row, over both runs; null without intervals.</summary>
    public static double? SpreadOf(BenchmarkRow older, BenchmarkRow newer) => IntervalOf(older) is { } before && IntervalOf(newer) is { } now
        ? Math.Sqrt((before.Spread * before.Spread + now.Spread * now.Spread) / 2) : null;

    /// <summary>Whether the intervals of two rows part, however little.</summary>
    public static bool Part(BenchmarkRow older, BenchmarkRow newer) =>
        IntervalOf(older) is { } before && IntervalOf(newer) is { } now && (now.Low > before.High || now.High < before.Low);

    /// <summary>
    /// Returns the interval of a row's median: over its rounds, or for a row of a single round within a graph, where processes hardly differ, the
    /// runs' 5th to 95th percentile; null for other rows of a single round.
    /// </summary>
    public static MedianInterval? IntervalOf(BenchmarkRow row)
    {
        if (MedianInterval.Of(MedianInterval.Parse(row.Rounds)) is { } interval)
            return interval;
        return IsHost(row) || row.Microseconds is not { } median ? null : new MedianInterval(row.Low ?? median, row.High ?? median, 0);
    }

    private static bool IsHost(BenchmarkRow row) => row.Clock is "benchmarkdotnet" or "host";

    /// <summary>Returns by what factor the processor was slower in the second run, by its peak or by copies; 1 if it was not, or nothing is known.</summary>
    private static double SlowDown(BenchmarkRow fast, BenchmarkRow slow) =>
        new[] { 1, fast.BestTflops / slow.BestTflops ?? 1, fast.CopyTbps / slow.CopyTbps ?? 1 }.Where(double.IsFinite).Max();
}
