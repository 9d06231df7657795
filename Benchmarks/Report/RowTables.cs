using System.Globalization;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>Markdown tables of rows.</summary>
internal static class RowTables
{
    private static readonly string[] Works = ["step", "sample", "launch", "feed", "startup"];

    /// <summary>Returns all rows: a table of ops and one of pieces of work.</summary>
    public static string Full(IEnumerable<BenchmarkRow> rows)
    {
        ILookup<bool, BenchmarkRow> parts = rows.ToLookup(row => Works.Contains(row.Op));
        return string.Join('\n', new[] { OfOps(parts[false]), OfWorks(parts[true]) }.Where(table => table.Length > 0));
    }

    /// <summary>Returns a line for each machine that measured rows, with the greatest load at a start; empty if no row says.</summary>
    public static string Machines(IEnumerable<BenchmarkRow> rows) => string.Concat(
        from row in rows
        where row.Machine.Length > 0
        group row by (row.Device, row.Machine) into same
        let load = same.Max(row => row.Load) is { } most ? string.Create(CultureInfo.InvariantCulture, $"; load at start {most:0.##}") : ""
        select $"{same.Key.Device}; {same.Key.Machine}{load}\n");

    private static string OfOps(IEnumerable<BenchmarkRow> rows)
    {
        BenchmarkRow[] all = [.. rows];
        (string flops, double perFlops) = RateText.UnitOf(all.Select(row => row.Tflops));
        (string bytes, double perBytes) = RateText.UnitOf(all.Select(row => row.Tbps));
        var table = new MarkdownTable(
            "op", "direction", "shape", "dtype", "path", "us", "p5", "p95", "interval", flops + "FLOP/s", bytes + "B/s", "% of bound", "bound by", "registers", "error", "peer", "peer us",
            "ratio", "verdict");
        foreach (BenchmarkRow row in all)
        {
            table.Add(
                row.Op, row.Direction, row.Shape, row.Type, row.Path, row.Microseconds, row.Low, row.High, Interval(row, 1), perFlops * row.Tflops, perBytes * row.Tbps, row.BoundPercent,
                row.BoundBy, row.Registers, row.Error?.ToString("0.0e+0", CultureInfo.InvariantCulture), row.Peer, row.PeerMicroseconds, row.Ratio, Verdict(row));
        }

        return table.RowCount > 0 ? table.ToString() : "";
    }

    private static string OfWorks(IEnumerable<BenchmarkRow> rows)
    {
        BenchmarkRow[] all = [.. rows];
        (string flops, double perFlops) = RateText.UnitOf(all.Select(row => row.Tflops));
        var table = new MarkdownTable(
            "work", "kind", "shape", "dtype", "path", "burst ms", "p5", "p95", "interval", "burst images/s", $"burst {flops}FLOP/s", "sustained ms", "sustained images/s", $"sustained {flops}FLOP/s",
            "sustained % of bound", "MHz", "W", "J/image", "peak GiB", "peer", "peer burst ms", "burst ratio", "peer sustained ms", "sustained ratio", "peer J/image", "verdict")
        {
            OmitsUnknown = true,
        };
        foreach (BenchmarkRow row in all)
        {
            table.Add(
                row.Op, row.Direction, row.Shape, row.Type, row.Path, row.Microseconds / 1e3, row.Low / 1e3, row.High / 1e3, Interval(row, 1e-3), row.ImagesPerSecond,
                perFlops * row.Tflops, row.SustainedMicroseconds / 1e3, row.SustainedImagesPerSecond, perFlops * row.SustainedTflops, row.SustainedBoundPercent, row.SustainedMegahertz, row.SustainedWatts,
                row.JoulesPerImage, row.PeakGib, row.Peer, row.PeerMicroseconds / 1e3, row.Ratio, row.PeerSustainedMicroseconds / 1e3, row.SustainedRatio, row.PeerJoulesPerImage, Verdict(row));
        }

        return table.RowCount > 0 ? table.ToString() : "";
    }

    private static string? Interval(BenchmarkRow row, double factor) => row.IntervalLow is { } low && row.IntervalHigh is { } high
        ? string.Create(CultureInfo.InvariantCulture, $"{factor * low:G3} to {factor * high:G3}") : null;

    /// <summary>The verdict, with the note and with the reason for throttling, which makes a time too long.</summary>
    private static string Verdict(BenchmarkRow row) => string.Join(": ", new[] { row.Verdict, row.Throttled.Length > 0 ? row.Throttled : row.SustainedThrottled, row.Note }.Where(text => text.Length > 0));

    /// <summary>Returns, for each op, direction and path, the minimum and the median of the ratios to the peer and of the shares of the bound.</summary>
    public static string Summary(IEnumerable<BenchmarkRow> rows)
    {
        var table = new MarkdownTable(
            "op", "direction", "path", "rows", "wrong or failed", "least ratio", "median ratio", "least % of bound", "median % of bound");
        foreach (IGrouping<(string, string, string), BenchmarkRow> group in rows.GroupBy(row => (row.Op, row.Direction, row.Path)))
        {
            double[] ratios = Rising(group.Select(row => row.Ratio)), shares = Rising(group.Select(row => row.BoundPercent));
            table.Add(
                group.Key.Item1, group.Key.Item2, group.Key.Item3, group.Count(), group.Count(row => row.Verdict != BenchmarkRow.Right),
                Least(ratios), Median(ratios), Least(shares), Median(shares));
        }

        return table.ToString();
    }

    private static double[] Rising(IEnumerable<double?> values) => [.. values.OfType<double>().Order()];

    private static double? Least(double[] values) => values.Length > 0 ? values[0] : null;

    private static double? Median(double[] values) => values.Length > 0 ? Duration.Percentile(values, 0.5) : null;
}
