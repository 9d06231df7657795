using ScottPlot;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>Plots evaluation.png of a run: each metric on held-out images over kimg, relative to its first value, so that metrics of any unit share the axis; the loss, which may be negative, as it is on an axis of its own.</summary>
internal static class EvaluationPlot
{
    private const int Width = 900, Height = 500;

    /// <summary>Plots a log as a PNG; writes nothing if it has no evaluations.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, string title, IReadOnlyList<MetricsRow> rows)
    {
        string[] names = [.. rows.SelectMany(row => row.Means.Keys).Where(name => name.StartsWith(HeldOutEvaluation.Prefix, StringComparison.Ordinal)).Distinct()];
        if (names.Length == 0)
            return;
        using var plot = new Plot();
        foreach (string name in names)
        {
            (double X, double Y)[] points = [.. rows.Where(row => row.Means.TryGetValue(name, out double value) && double.IsFinite(value)).Select(row => (row.KImg, row.Means[name]))];
            if (name == HeldOutEvaluation.LossColumn && points.Length > 0)
            {
                var loss = plot.Add.Scatter(Array.ConvertAll(points, point => point.X), Array.ConvertAll(points, point => point.Y));
                loss.LegendText = HeldOutEvaluation.Loss;
                loss.Axes.YAxis = plot.Axes.Right;
                plot.Axes.Right.Label.Text = HeldOutEvaluation.Loss;
                continue;
            }

            if (points.Length == 0 || points[0].Y == 0)
                continue;
            var line = plot.Add.Scatter(Array.ConvertAll(points, point => point.X), Array.ConvertAll(points, point => point.Y / points[0].Y));
            line.LegendText = name[HeldOutEvaluation.Prefix.Length..];
        }

        plot.Title(title);
        plot.XLabel("thousand images");
        plot.YLabel("value over the first");
        plot.ShowLegend();
        AtomicFile.WriteAllBytes(path, plot.GetImageBytes(Width, Height, ImageFormat.Png));
    }
}
