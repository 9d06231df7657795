using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>One line of work.csv: a whole training step or a whole call of the sampler; the PyTorch scripts write the same columns.</summary>
internal sealed record WorkRow
{
    /// <summary>Such as step sct, or sample.</summary>
    [Name("work")]
    public string Work { get; init; } = "";

    /// <summary>Such as bf16 or, of a peer, compile.</summary>
    [Name("variant")]
    public string Variant { get; init; } = "";

    [Name("batch")]
    public int Batch { get; init; }

    /// <summary>Median; empty where only the first run was wanted.</summary>
    [Name("ms"), Format("0.###")]
    public double? Milliseconds { get; init; }

    [Name("images_per_second"), Format("0.#")]
    public double? ImagesPerSecond { get; init; }

    /// <summary>Most device memory held at once.</summary>
    [Name("peak_gib"), Format("0.###")]
    public double? PeakGib { get; init; }

    /// <summary>Seconds from the start of the process to the end of the first run.</summary>
    [Name("ready_s"), Format("0.##")]
    public double? ReadySeconds { get; init; }

    [Name("ms_p5"), Format("0.###")]
    public double? Low { get; init; }

    [Name("ms_p95"), Format("0.###")]
    public double? High { get; init; }

    [Name("device")]
    public string Device { get; init; } = "";

    /// <summary>Rows as a table.</summary>
    public static string Table(IEnumerable<WorkRow> rows)
    {
        var table = new MarkdownTable("work", "variant", "batch", "ms", "p5", "p95", "images/s", "peak GiB", "ready s");
        foreach (WorkRow row in rows)
            table.Add(row.Work, row.Variant, row.Batch, row.Milliseconds, row.Low, row.High, row.ImagesPerSecond, row.PeakGib, row.ReadySeconds);
        return table.ToString();
    }
}
