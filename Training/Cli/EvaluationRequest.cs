using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;

namespace TrigFlowNative.Training.Cli;

/// <summary>What evaluate was asked for.</summary>
internal sealed record EvaluationRequest
{
    /// <summary>Weight file whose samples are judged; null for <see cref="Images"/>.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Images that are judged; null for <see cref="Checkpoint"/>.</summary>
    public string? Images { get; init; }

    /// <summary>Data set whose held-out images are the reference; null for <see cref="Reference"/>.</summary>
    public string? Data { get; init; }

    /// <summary>Moments or images that are the reference; null for <see cref="Data"/>.</summary>
    public string? Reference { get; init; }

    /// <summary>Steps of sampling; empty for the usual number.</summary>
    public int[] Steps { get; init; } = [];

    /// <summary>Seeds of sampling, or of the subset of images; empty for the usual one.</summary>
    public ulong[] Seeds { get; init; } = [];

    /// <summary>Number of images; null for the usual one.</summary>
    public int? Count { get; init; }

    /// <summary>Scale of guidance.</summary>
    public float Guidance { get; init; } = 1;

    /// <summary>Weight file of the guide; null for none.</summary>
    public string? Guide { get; init; }

    /// <summary>Metrics; empty for the usual ones.</summary>
    public string[] Metrics { get; init; } = [];

    /// <summary>Features; null for none.</summary>
    public string? Features { get; init; }

    /// <summary>File of the features' weights; null for none.</summary>
    public string? Weights { get; init; }

    /// <summary>Resizing of Inception's input; null for the usual one.</summary>
    public InceptionResizing? Resizing { get; init; }

    /// <summary>Folder of the report; null for none.</summary>
    public string? Output { get; init; }

    /// <summary>Preset of weights without a configuration.</summary>
    public string? Preset { get; init; }

    /// <summary>Precision of the model.</summary>
    public Precision Precision { get; init; }

    /// <summary>The metrics of images, and those of features.</summary>
    public (string[] OfImages, string[] OfFeatures) Split() =>
        Metrics.Length > 0 ? ([.. Metrics.Where(MetricRegistry.All.ContainsKey).Distinct()], [.. Metrics.Where(FeatureMetrics.All.ContainsKey).Distinct()])
        : Features is null ? ([.. MetricRegistry.All.Keys.Order(StringComparer.Ordinal)], [])
        : ([], [.. FeatureMetrics.Usual]);

    /// <summary>Checks what can be said without opening a file.</summary>
    /// <exception cref="UsageException">Options contradict each other.</exception>
    public void Check()
    {
        if (Checkpoint is null == Images is null)
            throw new UsageException("expected either --checkpoint, whose samples are judged, or --images");
        if (Data is null == Reference is null)
            throw new UsageException("expected either --reference, or --data, whose held-out images are the reference");
        if (Checkpoint is null && (Steps.Length > 0 || Guidance != 1 || Guide is not null || Preset is not null))
            throw new UsageException("--steps, --guidance, --guide and --preset belong to --checkpoint, not to --images");
        if (Checkpoint is null && Seeds.Length > 1)
            throw new UsageException("--seeds: images are there once; one seed chooses a subset");
        if (Checkpoint is null && Seeds.FirstOrDefault() > uint.MaxValue)
            throw new UsageException($"--seeds {Seeds[0]}: the seed of a subset is at most {uint.MaxValue}, as NumPy's");
        RequireDifferent("--steps", Steps);
        RequireDifferent("--seeds", Seeds);
        string[] features = Split().OfFeatures;
        if (features.Length > 0 && Features is null)
            throw new UsageException($"--metrics {features[0]}: takes --features, one of {string.Join(", ", FeatureNetworks.All.Keys)}");
        if (features.Length == 0 && Features is not null)
            throw new UsageException($"--features {Features}: no metric of --metrics takes features ({string.Join(", ", FeatureMetrics.All.Keys)})");
        if (Output is null)
            return;
        foreach (string name in new[] { EvaluationReport.JsonName, EvaluationReport.CsvName })
            if (File.Exists(Path.Combine(Output, name)))
                throw new UsageException($"--out {Output}: {name} is there already; remove it, or choose another folder");
        OutputFolder.Require("--out", Output, 1 << 20, EvaluationReport.JsonName, EvaluationReport.CsvName);
    }

    private static void RequireDifferent<T>(string option, T[] values)
        where T : notnull
    {
        if (values.GroupBy(value => value).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new UsageException($"{option} {twice.Key}: is given {twice.Count()} times, but the same draw counts once");
    }
}
