using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>A line of training.csv: a part of a training from files.</summary>
internal sealed record TrialRow
{
    [Name("part")]
    public string Part { get; init; } = "";

    [Name("images_per_second"), Format("0.#")]
    public double ImagesPerSecond { get; init; }

    /// <summary>The rate as a share of that of the step alone, percent.</summary>
    [Name("percent_of_step"), Format("0.#")]
    public double PercentOfStep { get; init; }

    /// <summary>Share of the time in which the step waited for the loader, percent; null where nothing waits.</summary>
    [Name("loader_wait_percent"), Format("0.##")]
    public double? WaitPercent { get; init; }

    [Name("sm_mhz"), Format("0.#")]
    public double? Megahertz { get; init; }

    [Name("watts"), Format("0.#")]
    public double? Watts { get; init; }

    [Name("joules_per_image"), Format("0.####")]
    public double? JoulesPerImage { get; init; }

    /// <summary>Makes the line of a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="alone">Images a second of the step alone.</param>
    public static TrialRow Of(TrialPart part, double alone) => new()
    {
        Part = part.Name,
        ImagesPerSecond = part.ImagesPerSecond,
        PercentOfStep = 100 * part.ImagesPerSecond / alone,
        WaitPercent = part.WaitPercent,
        Megahertz = part.Load.Megahertz,
        Watts = part.Load.Watts,
        JoulesPerImage = part.JoulesPerImage,
    };

    /// <summary>Returns the lines as a Markdown table, without columns that no line knows.</summary>
    public static string Table(IEnumerable<TrialRow> rows)
    {
        var table = new MarkdownTable("part", "images/s", "% of step", "% waiting for the loader", "MHz", "W", "J/image") { OmitsUnknown = true };
        foreach (TrialRow row in rows)
            table.Add(row.Part, row.ImagesPerSecond, row.PercentOfStep, row.WaitPercent, row.Megahertz, row.Watts, row.JoulesPerImage);
        return table.ToString();
    }
}
