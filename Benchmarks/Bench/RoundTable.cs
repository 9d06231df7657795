using TrigFlowNative.Benchmarks.Timing;

namespace TrigFlowNative.Benchmarks;

/// <summary>Makes one table of the tables of several rounds.</summary>
internal static class RoundTable
{
    /// <summary>
    /// Merges rows of the same op, direction, shape, dtype and path, in the order of their first occurrence. Times become medians over the rounds, with their interval;
    /// a row that is wrong or fails in one round is wrong or fails.
    /// </summary>
    /// <param name="rounds">A table for each round; one that was merged before counts with all of its rounds.</param>
    public static BenchmarkRow[] Merge(params IEnumerable<IReadOnlyList<BenchmarkRow>> rounds) =>
        [.. rounds.SelectMany(table => table).GroupBy(row => (row.Name, row.Type, row.Path)).Select(same => Merge([.. same]))];

    private static BenchmarkRow Merge(BenchmarkRow[] same)
    {
        BenchmarkRow first = same[0];
        if (same.Length == 1)
            return first;
        if (same.FirstOrDefault(row => row.Verdict != BenchmarkRow.Right) is { } bad)
            return bad;
        if (!same.All(row => row.Microseconds > 0))
            return first;
        double[] medians = [.. same.SelectMany(RoundsOf)];
        double time = Median(medians);
        BenchmarkRow beside = same.FirstOrDefault(row => row.PeerMicroseconds > 0) ?? first;
        double? bound = MedianOf(same, row => row.BoundMicroseconds), sustained = MedianOf(same, row => row.SustainedMicroseconds);
        var interval = MedianInterval.Of(medians);
        return first with
        {
            Microseconds = time,
            Low = same.Min(row => row.Low),
            High = same.Max(row => row.High),
            Repetitions = same.Sum(row => row.Repetitions),
            Rounds = MedianInterval.Format(medians),
            IntervalLow = interval?.Low,
            IntervalHigh = interval?.High,
            Tflops = first.Flops / time / 1e6,
            Tbps = first.Bytes / time / 1e6,
            ImagesPerSecond = first.ImagesPerSecond * first.Microseconds / time,
            PeakGib = same.Max(row => row.PeakGib),
            CopyTbps = MedianOf(same, row => row.CopyTbps),
            BestTflops = MedianOf(same, row => row.BestTflops),
            BoundMicroseconds = bound,
            BoundPercent = 100 * bound / time,
            SmMegahertz = same.Min(row => row.SmMegahertz),
            Temperature = same.Max(row => row.Temperature),
            Throttled = same.Select(row => row.Throttled).FirstOrDefault(reason => reason.Length > 0) ?? "",
            SustainedMicroseconds = sustained,
            SustainedImagesPerSecond = MedianOf(same, row => row.SustainedImagesPerSecond),
            SustainedTflops = first.Flops / sustained / 1e6,
            SustainedMegahertz = MedianOf(same, row => row.SustainedMegahertz),
            SustainedWatts = MedianOf(same, row => row.SustainedWatts),
            JoulesPerImage = MedianOf(same, row => row.JoulesPerImage),
            SustainedCopyTbps = MedianOf(same, row => row.SustainedCopyTbps),
            SustainedBestTflops = MedianOf(same, row => row.SustainedBestTflops),
            SustainedBoundPercent = MedianOf(same, row => row.SustainedBoundPercent),
            SustainedThrottled = same.Select(row => row.SustainedThrottled).FirstOrDefault(reason => reason.Length > 0) ?? "",
            Error = same.Max(row => row.Error),
            Load = same.Max(row => row.Load),
            Peer = beside.Peer,
            PeerMicroseconds = beside.PeerMicroseconds,
            Ratio = beside.PeerMicroseconds / time,
            PeerSustainedMicroseconds = beside.PeerSustainedMicroseconds,
            SustainedRatio = beside.PeerSustainedMicroseconds / sustained,
            PeerJoulesPerImage = beside.PeerJoulesPerImage,
        };
    }

    private static IEnumerable<double> RoundsOf(BenchmarkRow row) => MedianInterval.Parse(row.Rounds) is { Count: > 0 } rounds ? rounds : [row.Microseconds!.Value];

    private static double? MedianOf(BenchmarkRow[] rows, Func<BenchmarkRow, double?> value) =>
        rows.Select(value).OfType<double>().ToArray() is { Length: > 0 } known ? Median(known) : null;

    private static double Median(IEnumerable<double> values) => Duration.Percentile([.. values.Order()], 0.5);
}
