using ScottPlot;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>Plots loss.png of a run: the loss and its running mean over kimg, with one colour per objective.</summary>
public static class LossPlot
{
    private const int Width = 900, Height = 500;

    /// <summary>Plots a log as a PNG; writes nothing if the log has no finite loss.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, string title, IReadOnlyList<MetricsRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        MetricsRow[] finite = [.. rows.Where(row => double.IsFinite(row.Loss))];
        if (finite.Length == 0)
            return;
        using var plot = new Plot();
        foreach (IGrouping<string, MetricsRow> curve in finite.GroupBy(row => row.Objective))
            Draw(plot, curve.Key, [.. curve]);
        plot.Title(title);
        plot.XLabel("thousand images");
        plot.YLabel("loss");
        plot.ShowLegend();
        AtomicFile.WriteAllBytes(path, plot.GetImageBytes(Width, Height, ImageFormat.Png));
    }

    private static void Draw(Plot plot, string objective, MetricsRow[] rows)
    {
        double[] kimg = [.. rows.Select(row => row.KImg)];
        Color color = plot.Add.GetNextColor();
        var raw = plot.Add.ScatterLine(kimg, [.. rows.Select(row => row.Loss)]);
        raw.Color = color.WithAlpha(0.35);
        var smooth = plot.Add.ScatterLine(kimg, RunningMean(rows));
        smooth.Color = color;
        smooth.LineWidth = 2;
        smooth.LegendText = $"{objective}, running mean";
    }

    /// <summary>Returns the exponential running mean over about a twentieth of the lines.</summary>
    private static double[] RunningMean(MetricsRow[] rows)
    {
        double weight = 1 / Math.Max(rows.Length / 20.0, 1);
        double[] means = new double[rows.Length];
        double mean = rows[0].Loss;
        for (int i = 0; i < rows.Length; i++)
            means[i] = mean += weight * (rows[i].Loss - mean);
        return means;
    }
}
