using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>What an evaluation found, with the words that make its numbers comparable: the content of evaluation.json.</summary>
/// <param name="Judged">What was judged.</param>
/// <param name="Images">Number of images of each set that was judged.</param>
/// <param name="Reference">What it was judged against.</param>
/// <param name="ReferenceImages">Number of images of the reference, or of those that its stored moments are of; null if it is not known.</param>
/// <param name="Features">Network of the features, resizing and arithmetic; null if no metric takes features.</param>
/// <param name="Remarks">Why the numbers are not comparable with published ones; empty if they are.</param>
/// <param name="Rows">All values.</param>
/// <param name="Summary">Least, mean and largest value over seeds, for each set of images and metric.</param>
internal sealed record EvaluationReport(
    string Judged, int Images, string Reference, long? ReferenceImages, string? Features, IReadOnlyList<string> Remarks, IReadOnlyList<EvaluationRow> Rows, IReadOnlyList<EvaluationSummary> Summary)
{
    /// <summary>Names of the files.</summary>
    public const string JsonName = "evaluation.json", CsvName = "evaluation.csv";

    /// <summary>Images that published numbers are of.</summary>
    public const int UsualImages = 50_000;

    private static readonly string[] Columns = ["of", "steps", "seed", "metric", "value", "deviation", "unit", "better", "images", "reference_images", "reference", "features",
        "note", "reference_samples", "judged", "guidance", "guide", "precision", "weights", "remarks"];

    /// <summary>Images of the reference whose features themselves are taken, beside stored moments of <see cref="ReferenceImages"/>; null if all is of the same images.</summary>
    public int? ReferenceSamples { get; init; }

    /// <summary>Scale of guidance; null if the images were not drawn.</summary>
    public float? Guidance { get; init; }

    /// <summary>Weight file of the guide; null for none.</summary>
    public string? Guide { get; init; }

    /// <summary>Precision of the model; null if the images were not drawn.</summary>
    public string? Precision { get; init; }

    /// <summary>File of the features' weights; null if they have none.</summary>
    public string? Weights { get; init; }

    /// <summary>Least, mean and largest value over the seeds of each set of rows.</summary>
    public static IReadOnlyList<EvaluationSummary> Summarise(IReadOnlyList<EvaluationRow> rows) => [.. rows.GroupBy(row => (row.Of, row.Steps, row.Metric)).Select(group =>
        new EvaluationSummary(group.Key.Of, group.Key.Steps, group.Key.Metric, group.Count(), group.Min(row => row.Value), group.Average(row => row.Value), group.Max(row => row.Value)))];

    /// <summary>Writes both files into a folder.</summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void Save(string folder)
    {
        JsonFile.Write(Path.Combine(folder, JsonName), this);
        AtomicFile.Write(Path.Combine(folder, CsvName), stream =>
        {
            using var text = new StreamWriter(stream, leaveOpen: true);
            using var csv = new CsvWriter(text, new CsvConfiguration(CultureInfo.InvariantCulture) { NewLine = "\n" });
            foreach (string column in Columns)
                csv.WriteField(column);
            csv.NextRecord();
            foreach (EvaluationRow row in Rows)
            {
                csv.WriteField(row.Of);
                csv.WriteField(row.Steps);
                csv.WriteField(row.Seed);
                csv.WriteField(row.Metric);
                csv.WriteField(row.Value);
                csv.WriteField(row.Deviation);
                csv.WriteField(row.Unit);
                csv.WriteField(row.Better);
                csv.WriteField(Images);
                csv.WriteField(ReferenceImages);
                csv.WriteField(Reference);
                csv.WriteField(Features);
                csv.WriteField(row.Note);
                csv.WriteField(ReferenceSamples);
                csv.WriteField(Judged);
                csv.WriteField(Guidance);
                csv.WriteField(Guide);
                csv.WriteField(Precision);
                csv.WriteField(Weights);
                csv.WriteField(string.Join("; ", Remarks));
                csv.NextRecord();
            }
        });
    }

    /// <summary>The report as a person reads it.</summary>
    public void Print(TextWriter text)
    {
        string reference = ReferenceImages is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:N0} images of {Reference}") : Reference;
        if (ReferenceSamples is { } samples)
            reference += string.Create(CultureInfo.InvariantCulture, $", whose stored moments are of {(ReferenceImages is null ? "an unknown number of" : "these")} images and whose features themselves are of the {samples:N0} images in it");
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Images:N0} images of {Judged} against {reference}"));
        if (Features is not null)
            text.WriteLine($"features: {Features}");
        int width = Rows.Max(row => row.Metric.Length), sets = Rows.Max(row => Set(row).Length);
        foreach (EvaluationRow row in Rows)
        {
            string value = row.Deviation is { } deviation ? $"{Number(row.Value)} +- {Number(deviation)}" : Number(row.Value);
            text.WriteLine($"{Set(row).PadRight(sets)}  {row.Metric.PadRight(width)} {Arrow(row.Better)} {value}{(row.Unit.Length > 0 ? $"  {row.Unit}" : "")}{(row.Note.Length > 0 ? $" ({row.Note})" : "")}");
        }

        foreach (EvaluationSummary summary in Summary.Where(each => each.Seeds > 1))
            text.WriteLine($"{Set(summary.Of, summary.Steps, null).PadRight(sets)}  {summary.Metric.PadRight(width)}   least {Number(summary.Least)}, mean {Number(summary.Mean)}, largest {Number(summary.Largest)} of {summary.Seeds} seeds");
        foreach (string remark in Remarks)
            text.WriteLine($"not comparable with published numbers: {remark}");
    }

    private static string Set(EvaluationRow row) => Set(row.Of, row.Steps, row.Seed);

    private static string Set(string of, int? steps, ulong? seed) =>
        $"{(steps is { } known ? $"{known} step{(known == 1 ? "" : "s")}" : of)}{(seed is { } drawn ? $", seed {drawn}" : "")}";

    private static char Arrow(string better) => better switch { "lower" => '\u2193', "higher" => '\u2191', _ => ' ' };

    private static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}

/// <summary>One value of a report.</summary>
/// <param name="Of">"samples", or "real images" that are measured in their place.</param>
/// <param name="Steps">Steps of sampling; null if the images were not drawn.</param>
/// <param name="Seed">Seed of the drawing, or of the random subset that was taken of more images; null if chance has no part.</param>
/// <param name="Metric">Metric and value.</param>
/// <param name="Value">The value.</param>
/// <param name="Deviation">Deviation over subsets or splits; null if there are none.</param>
/// <param name="Unit">Unit of the value, in words.</param>
/// <param name="Better">"lower", "higher", or empty where it is not said.</param>
/// <param name="Note">See <see cref="JudgedValue.Note"/>.</param>
internal sealed record EvaluationRow(string Of, int? Steps, ulong? Seed, string Metric, double Value, double? Deviation, string Unit, string Better, string Note)
{
    /// <summary>A row of a value.</summary>
    public static EvaluationRow Make(string of, int? steps, ulong? seed, JudgedValue value) =>
        new(of, steps, seed, value.Name, value.Value, value.Deviation, value.Unit, value.Better == Evaluation.Better.Unknown ? "" : value.Better.ToString().ToLowerInvariant(), value.Note);
}

/// <summary>What several seeds gave.</summary>
/// <param name="Of">See <see cref="EvaluationRow"/>.</param>
/// <param name="Steps">See <see cref="EvaluationRow"/>.</param>
/// <param name="Metric">See <see cref="EvaluationRow"/>.</param>
/// <param name="Seeds">Number of seeds.</param>
/// <param name="Least">Least value, which papers print of three.</param>
/// <param name="Mean">Mean value.</param>
/// <param name="Largest">Largest value.</param>
internal sealed record EvaluationSummary(string Of, int? Steps, string Metric, int Seeds, double Least, double Mean, double Largest);
