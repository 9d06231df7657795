using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Metrics of samples against held-out images while a model trains, from the same noise each time, so that the values show progress and nothing else. They are of few
/// images, and comparable only with one another.
/// </summary>
internal sealed class HeldOutEvaluation : IDisposable
{
    /// <summary>What the names of the columns in metrics.csv begin with.</summary>
    public const string Prefix = "held-out ";

    private readonly int images, classes;
    private readonly ulong seed;
    private readonly string[] ofImages;
    private readonly MemorySource reference;
    private readonly IFeatureNetwork? network;
    private readonly Judge? judge;
    private FeatureTable? known;
    private bool higherIsBetter;

    /// <summary>Checks the options before hours are trained on.</summary>
    /// <param name="config">The run's configuration.</param>
    /// <param name="data">Its images.</param>
    /// <param name="device">Device of the features' network.</param>
    /// <exception cref="UsageException">A metric is unknown or lacks features, the features lack weights, or the images are latents or too few.</exception>
    /// <exception cref="InvalidFileException">The features' weights are unusable.</exception>
    public HeldOutEvaluation(RunConfig config, DatasetSplit data, ComputeDevice device)
    {
        if (data.HeldOut.Latents is not null)
            throw new UsageException($"evaluate_every: {config.Data} holds latents, but metrics compare pictures");
        string[] names = config.EvaluateMetrics.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (names.Length == 0 || names.FirstOrDefault(name => !MetricRegistry.All.ContainsKey(name) && !FeatureMetrics.All.ContainsKey(name)) is not null)
            throw new UsageException($"evaluate_metrics={config.EvaluateMetrics}: expected some of {string.Join(", ", MetricRegistry.All.Keys.Concat(FeatureMetrics.All.Keys).Order(StringComparer.Ordinal))}, separated by commas");
        ofImages = [.. names.Where(MetricRegistry.All.ContainsKey)];
        string[] ofFeatures = [.. names.Where(FeatureMetrics.All.ContainsKey)];
        if (ofFeatures.Length > 0 && !FeatureNetworks.All.ContainsKey(config.EvaluateFeatures))
            throw new UsageException($"evaluate_metrics={ofFeatures[0]}: takes evaluate_features, one of {string.Join(", ", FeatureNetworks.All.Keys)}");
        images = Math.Min(config.EvaluateImages, data.HeldOut.Count);
        (classes, seed) = (config.Network.LabelCount, config.Training.Seed);
        reference = new MemorySource(EvenSample.Of(data.HeldOut, images), "held-out images");
        if (ofFeatures.Length == 0)
            return;
        network = FeatureNetworks.Open(config.EvaluateFeatures, new FeatureRequest(device, config.EvaluateWeights, null, reference.Height, reference.Width, reference.Channels));
        judge = new Judge(network, ofFeatures);
    }

    /// <summary>Draws samples and measures them.</summary>
    /// <param name="sampler">Sampler of the averaged weights, which are up to date.</param>
    /// <returns>The values by the names of their columns, in the order of the metrics.</returns>
    /// <exception cref="UsageException">Images are not finite, or a metric refuses them.</exception>
    public IReadOnlyDictionary<string, double> Measure(ImageSampler sampler)
    {
        int[] labels = classes == 0 ? [] : [.. Enumerable.Range(0, images).Select(i => i % classes)];
        byte[] pixels = sampler.SampleBytes(images, seed, out NonFiniteImages nonFinite, labels);
        if (nonFinite.Any)
            throw new UsageException(nonFinite.ToString());
        var drawn = new ByteImages(pixels, images, sampler.Height, sampler.Width, sampler.Channels);
        var values = new OrderedDictionary<string, double>(StringComparer.Ordinal);
        try
        {
            foreach (string name in ofImages)
                foreach (MetricValue value in MetricRegistry.Find(name).Measure(reference.Images, drawn))
                    values[$"{Prefix}{name} {value.Name}"] = value.Value;
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }

        if (judge is null)
            return values;
        IReadOnlyList<JudgedValue> judged = judge.Measure(known ??= judge.LookAtReference(reference), judge.Look(new MemorySource(drawn, "samples")));
        higherIsBetter = ofImages.Length == 0 && judged[0].Better == Better.Higher;
        foreach (JudgedValue value in judged)
            values[Prefix + value.Name] = value.Value;
        return values;
    }

    /// <summary>Whether the first value is better than all before; of metrics of images, small values are taken for the better ones.</summary>
    /// <param name="values">Values of <see cref="Measure"/>.</param>
    /// <param name="before">Lines of the log so far.</param>
    public bool IsBest(IReadOnlyDictionary<string, double> values, IReadOnlyList<MetricsRow> before)
    {
        (string name, double value) = values.First();
        return double.IsFinite(value) && before.Select(row => row.Means.GetValueOrDefault(name, double.NaN)).Where(double.IsFinite).All(other => higherIsBetter ? value > other : value < other);
    }

    public void Dispose() => network?.Dispose();
}
