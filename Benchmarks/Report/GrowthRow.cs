using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>A line of growth.csv: a piece of work at a batch and a size of the network, by this project or a peer.</summary>
internal sealed record GrowthRow
{
    /// <summary>Kind of work, such as step/sct.</summary>
    [Name("work")]
    public string Work { get; init; } = "";

    [Name("preset")]
    public string Preset { get; init; } = "";

    /// <summary>Images of a run.</summary>
    [Name("batch")]
    public int Batch { get; init; }

    /// <summary>Millions of parameters of the network.</summary>
    [Name("mparameters"), Format("0.##")]
    public double Mparameters { get; init; }

    /// <summary>10^9 operations of a forward pass of one image, counted from the recorded products.</summary>
    [Name("gflop_per_image"), Format("0.###")]
    public double GflopPerImage { get; init; }

    [Name("path")]
    public string Path { get; init; } = "";

    /// <summary>Median time of a run in a burst, milliseconds; null if it was not measured.</summary>
    [Name("burst_ms"), Format("0.####")]
    public double? BurstMilliseconds { get; init; }

    [Name("burst_images_per_second"), Format("0.#")]
    public double? BurstImagesPerSecond { get; init; }

    [Name("burst_tflops"), Format("0.####")]
    public double? BurstTflops { get; init; }

    /// <summary>Mean time of a run under sustained load, milliseconds; null if it was not measured.</summary>
    [Name("sustained_ms"), Format("0.####")]
    public double? SustainedMilliseconds { get; init; }

    [Name("sustained_images_per_second"), Format("0.#")]
    public double? SustainedImagesPerSecond { get; init; }

    [Name("sustained_tflops"), Format("0.####")]
    public double? SustainedTflops { get; init; }

    /// <summary>The bound by the ceilings under sustained load, as a share of the time, percent.</summary>
    [Name("sustained_bound_percent"), Format("0.#")]
    public double? SustainedBoundPercent { get; init; }

    [Name("sustained_watts"), Format("0.#")]
    public double? SustainedWatts { get; init; }

    [Name("joules_per_image"), Format("0.####")]
    public double? JoulesPerImage { get; init; }

    /// <summary>Device memory that the work allocates, GiB; null if it did not run.</summary>
    [Name("peak_gib"), Format("0.###")]
    public double? PeakGib { get; init; }

    /// <summary>ok, MEMORY (the work does not fit the device), WRONG or FAILED.</summary>
    [Name("verdict")]
    public string Verdict { get; init; } = "";

    [Name("note")]
    public string Note { get; init; } = "";

    /// <summary>Makes the line of a measured row.</summary>
    /// <param name="row">The row of a step or of sampling.</param>
    /// <param name="preset">The preset of its network.</param>
    /// <param name="batch">Images of a run.</param>
    public static GrowthRow Of(BenchmarkRow row, string preset, int batch)
    {
        var pass = RecordedPass.OfPreset(preset);
        double? flops = row.Flops ?? row.Tflops * row.Microseconds * 1e6;
        return new GrowthRow
        {
            Work = $"{row.Op}/{row.Direction}",
            Preset = preset,
            Batch = batch,
            Mparameters = pass.Network.ParameterCount() / 1e6,
            GflopPerImage = pass.Flops / 1e9,
            Path = row.Path,
            BurstMilliseconds = row.Microseconds / 1e3,
            BurstImagesPerSecond = row.ImagesPerSecond,
            BurstTflops = flops / row.Microseconds / 1e6,
            SustainedMilliseconds = row.SustainedMicroseconds / 1e3,
            SustainedImagesPerSecond = row.SustainedImagesPerSecond,
            SustainedTflops = flops / row.SustainedMicroseconds / 1e6,
            SustainedBoundPercent = row.SustainedBoundPercent,
            SustainedWatts = row.SustainedWatts,
            JoulesPerImage = row.JoulesPerImage,
            PeakGib = row.PeakGib,
            Verdict = row.Verdict,
            Note = row.Note,
        };
    }

    /// <summary>Returns the lines as a Markdown table, without columns that no line knows.</summary>
    public static string Table(IReadOnlyList<GrowthRow> rows)
    {
        (string unit, double factor) = RateText.UnitOf(rows.Select(row => row.BurstTflops));
        var table = new MarkdownTable(
            "work", "preset", "batch", "M parameters", "GFLOP/image", "path", "burst ms", "burst images/s", $"burst {unit}FLOP/s", "sustained ms", "sustained images/s", $"sustained {unit}FLOP/s",
            "sustained % of bound", "W", "J/image", "peak GiB", "verdict")
        {
            OmitsUnknown = true,
        };
        foreach (GrowthRow row in rows)
        {
            table.Add(
                row.Work, row.Preset, row.Batch, row.Mparameters, row.GflopPerImage, row.Path, row.BurstMilliseconds, row.BurstImagesPerSecond, factor * row.BurstTflops, row.SustainedMilliseconds,
                row.SustainedImagesPerSecond, factor * row.SustainedTflops, row.SustainedBoundPercent, row.SustainedWatts, row.JoulesPerImage, row.PeakGib,
                row.Note.Length > 0 ? $"{row.Verdict}: {row.Note}" : row.Verdict);
        }

        return table.ToString();
    }
}
