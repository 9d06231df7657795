using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>A line that a script prints, for a training step or a call of the sampler.</summary>
internal sealed record PyTorchWork
{
    /// <summary>Name of the work, such as step sct, or sample 2-step.</summary>
    [Name("work")]
    public string Work { get; init; } = "";

    /// <summary>Name of the variant, such as pytorch-eager.</summary>
    [Name("variant")]
    public string Variant { get; init; } = "";

    [Name("batch")]
    public int Batch { get; init; }

    /// <summary>Median time in milliseconds.</summary>
    [Name("ms")]
    public double? Milliseconds { get; init; }

    [Name("images_per_second")]
    public double? ImagesPerSecond { get; init; }

    /// <summary>Maximum of the device memory held, GiB.</summary>
    [Name("peak_gib")]
    public double? PeakGib { get; init; }

    /// <summary>Seconds from the start of the process to the end of the first run, compilation included.</summary>
    [Name("ready_s")]
    public double? ReadySeconds { get; init; }

    /// <summary>Mean time under sustained load in milliseconds; null if it was not measured.</summary>
    [Name("sustained_ms")]
    public double? SustainedMilliseconds { get; init; }

    [Name("sustained_images_per_second")]
    public double? SustainedImagesPerSecond { get; init; }

    /// <summary>Mean clock of the multiprocessors under sustained load, MHz.</summary>
    [Name("sustained_sm_mhz")]
    public double? SustainedMegahertz { get; init; }

    /// <summary>Mean power under sustained load, W.</summary>
    [Name("sustained_watts")]
    public double? SustainedWatts { get; init; }

    [Name("joules_per_image")]
    public double? JoulesPerImage { get; init; }

    /// <summary>Why the work could not be done, such as too little memory; empty if it was.</summary>
    [Name("note")]
    public string Note { get; init; } = "";
}
