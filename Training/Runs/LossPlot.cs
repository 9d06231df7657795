using ScottPlot;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>loss.png of a run: the loss, and its running mean, over thousands of images.</summary>
public static class LossPlot
{
    private const int Width = 900, Height = 500;

    /// <summary>Draws the log; does nothing without lines.</summary>
    public static void Save(string path, string title, IReadOnlyList<MetricsRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        MetricsRow[] finite = [.. rows.Where(row => double.IsFinite(row.Loss))];
        if (finite.Length == 0)
            return;
        double[] kimg = [.. finite.Select(row => row.KImg)];
        using var plot = new Plot();
        var raw = plot.Add.ScatterLine(kimg, [.. finite.Select(row => row.Loss)]);
        raw.Color = Colors.SteelBlue.WithAlpha(0.4);
        raw.LegendText = "loss";
        var smooth = plot.Add.ScatterLine(kimg, RunningMean(finite));
        smooth.Color = Colors.DarkOrange;
        smooth.LineWidth = 2;
        smooth.LegendText = "running mean";
        plot.Title(title);
        plot.XLabel("thousand images");
        plot.YLabel("loss");
        plot.ShowLegend();
        AtomicFile.WriteAllBytes(path, plot.GetImageBytes(Width, Height, ImageFormat.Png));
    }

    /// <summary>Exponential mean over about a twentieth of the lines.</summary>
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
