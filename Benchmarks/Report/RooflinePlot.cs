using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>
/// roofline.png. Left: the rate of every product over its arithmetic intensity, below the ceilings of the same run (Williams, Waterman and Patterson,
/// CACM 52, 2009). Right: the bandwidth of the other rows over the bytes that they move.
/// </summary>
internal static class RooflinePlot
{
    private const int Width = 1500, Height = 600;
    private static readonly MarkerShape[] Markers = [MarkerShape.FilledCircle, MarkerShape.FilledSquare, MarkerShape.FilledTriangleUp, MarkerShape.FilledDiamond];

    /// <summary>Draws our rows that have a time and ceilings.</summary>
    /// <returns>False, and no file, if there are none.</returns>
    public static bool Save(string path, string title, IEnumerable<BenchmarkRow> rows)
    {
        BenchmarkRow[] timed = [.. rows.Where(row => row is { IsOurs: true, Tbps: > 0, CopyTbps: > 0, BestTflops: > 0 })];
        if (timed.Length == 0)
            return false;
        var both = new Multiplot();
        both.AddPlot(); // a figure begins with one plot; this adds the second
        both.Layout = new ScottPlot.MultiplotLayouts.Columns();
        DrawRoof(both.Subplots.GetPlot(0), title, timed);
        DrawBandwidth(both.Subplots.GetPlot(1), timed);
        AtomicFile.WriteAllBytes(path, both.Render(Width, Height).GetImageBytes(ImageFormat.Png));
        return true;
    }

    private static void DrawRoof(Plot plot, string title, BenchmarkRow[] rows)
    {
        BenchmarkRow[] products = [.. rows.Where(row => row.Flops > 0)];
        (string prefix, double factor) = RateText.UnitOf(rows.Select(row => row.BestTflops));
        (double copy, double best) = (factor * rows[0].CopyTbps!.Value, factor * rows[0].BestTflops!.Value);
        double ridge = best / copy;
        double min = Math.Min(ridge / 16, products.Select(row => row.Flops!.Value / row.Bytes!.Value).DefaultIfEmpty(ridge).Min() / 2);
        double max = Math.Max(ridge * 16, products.Select(row => row.Flops!.Value / row.Bytes!.Value).DefaultIfEmpty(ridge).Max() * 2);
        var roof = plot.Add.ScatterLine((double[])[Log(min), Log(ridge), Log(max)], (double[])[Log(min * copy), Log(best), Log(best)]);
        roof.Color = Colors.Black;
        roof.LineWidth = 2;
        roof.LegendText = $"copy {RateText.Bytes(1e12 * rows[0].CopyTbps!.Value)}, best product {RateText.Flops(1e12 * rows[0].BestTflops!.Value)}";
        AddGroups(plot, products, row => row.Flops!.Value / row.Bytes!.Value, row => factor * row.Tflops!.Value);
        plot.Title(title);
        Label(plot, "operations per byte, each tensor counted once", prefix + "FLOP/s");
    }

    private static void DrawBandwidth(Plot plot, BenchmarkRow[] rows)
    {
        BenchmarkRow[] moves = [.. rows.Where(row => row.Flops is not > 0)];
        (string prefix, double factor) = RateText.UnitOf(rows.Select(row => row.CopyTbps));
        AddGroups(plot, moves, row => row.Bytes!.Value / 1e6, row => factor * row.Tbps!.Value);
        double copy = factor * rows[0].CopyTbps!.Value;
        var ceiling = plot.Add.HorizontalLine(Log(copy), 2, Colors.Black);
        ceiling.LegendText = moves.Any(row => row.BoundBy == "cache") ? "copy in memory; what lies in a cache may be faster" : "copy";
        if (moves.Length > 0)
            plot.Axes.SetLimitsY(Log(Math.Min(0.02 * copy, factor * moves.Min(row => row.Tbps!.Value))), Log(1.5 * Math.Max(copy, factor * moves.Max(row => row.Tbps!.Value))));
        plot.Title("ops whose time memory decides");
        Label(plot, "megabytes, each tensor counted once", prefix + "B/s");
    }

    private static void AddGroups(Plot plot, BenchmarkRow[] rows, Func<BenchmarkRow, double> x, Func<BenchmarkRow, double> y)
    {
        int group = 0;
        foreach (IGrouping<(string, string), BenchmarkRow> each in rows.GroupBy(row => ($"{row.Op} {row.Direction}", row.Path)))
        {
            var points = plot.Add.ScatterPoints((double[])[.. each.Select(row => Log(x(row)))], (double[])[.. each.Select(row => Log(y(row)))]);
            points.MarkerShape = Markers[group / 10 % Markers.Length];
            points.MarkerSize = 7;
            points.LegendText = $"{each.Key.Item1} ({each.Key.Item2})";
            group++;
        }
    }

    private static void Label(Plot plot, string x, string y)
    {
        plot.XLabel(x);
        plot.YLabel(y);
        plot.Axes.Bottom.TickGenerator = Decades();
        plot.Axes.Left.TickGenerator = Decades();
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        plot.Legend.FontSize = 10;
        plot.ShowLegend(Edge.Right); // beside the points, not over them
    }

    private static NumericAutomatic Decades() => new()
    {
        LabelFormatter = exponent => Math.Pow(10, exponent).ToString("0.######", CultureInfo.InvariantCulture),
        MinorTickGenerator = new LogMinorTickGenerator(),
        IntegerTicksOnly = true,
    };

    private static double Log(double value) => Math.Log10(value);
}
