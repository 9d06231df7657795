using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>peers.png: for each op and direction, a bar for the median of the peers' time divided by ours, and a line from the minimum to the maximum.</summary>
internal static class PeerPlot
{
    private const int Width = 1000, RowHeight = 30, Margins = 130;

    /// <summary>Draws the rows that have a peer, on a scale of powers of two.</summary>
    /// <returns>False, and no file, if there are none.</returns>
    public static bool Save(string path, string title, IEnumerable<BenchmarkRow> rows)
    {
        IGrouping<string, BenchmarkRow>[] groups = [.. rows.Where(row => row.Ratio > 0).GroupBy(row => $"{row.Op} {row.Direction} ({row.Path})").Reverse()];
        if (groups.Length == 0)
            return false;
        using var plot = new Plot();
        NumericManual names = new(), powers = new();
        for (int i = 0; i < groups.Length; i++)
        {
            double[] ratios = [.. groups[i].Select(row => Math.Log2(row.Ratio!.Value)).Order()];
            double median = Duration.Percentile(ratios, 0.5);
            plot.Add.Bar(new Bar
            {
                Position = i,
                Value = median,
                Orientation = Orientation.Horizontal,
                FillColor = (median >= 0 ? Colors.SeaGreen : Colors.IndianRed).WithAlpha(0.6),
                LineWidth = 0,
            });
            var span = plot.Add.Line(ratios[0], i, ratios[^1], i);
            span.Color = Colors.Black;
            span.LineWidth = 1.5f;
            names.AddMajor(i, $"{groups[i].Key}, {ratios.Length}");
        }

        (double low, double high) = (Math.Min(-1, groups.Min(group => Math.Log2(group.Min(row => row.Ratio!.Value)))), Math.Max(1, groups.Max(group => Math.Log2(group.Max(row => row.Ratio!.Value)))));
        for (int power = (int)Math.Floor(low); power <= Math.Ceiling(high); power++)
            powers.AddMajor(power, Math.ScaleB(1, power).ToString(CultureInfo.InvariantCulture));
        plot.Add.VerticalLine(0, 1, Colors.Black);
        plot.Axes.Left.TickGenerator = names;
        plot.Axes.Bottom.TickGenerator = powers;
        plot.Axes.SetLimitsX(low - 0.1, high + 0.1);
        plot.Title($"{title}: time of the fastest peer over ours");
        plot.XLabel("bar: median; line: least to greatest; behind the name: number of rows");
        plot.Axes.Bottom.Label.Bold = false;
        AtomicFile.WriteAllBytes(path, plot.GetImageBytes(Width, Margins + RowHeight * groups.Length, ImageFormat.Png));
        return true;
    }
}
