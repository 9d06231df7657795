using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Metrics of samples against held-out images while a model trains, and the loss on these images, from the same noise each time, so that the values show progress and
/// nothing else. They are of few images, and comparable only with one another.
/// </summary>
internal sealed class HeldOutEvaluation : IDisposable
{
    /// <summary>What the names of the columns in metrics.csv begin with.</summary>
    public const string Prefix = "held-out ";

    /// <summary>The word among the metrics for the objective's loss on held-out images.</summary>
    public const string Loss = "loss";

    /// <summary>The loss's column in metrics.csv.</summary>
    public const string LossColumn = Prefix + Loss;

    private readonly int images, classes;
    private readonly ulong seed;
    private readonly string[] ofImages;
    private readonly FixedImages? lossImages;
    private readonly bool lossFirst;
    private readonly MemorySource? reference;
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
        string[] names = config.EvaluateMetrics.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (names.Length == 0 || names.FirstOrDefault(name => name != Loss && !MetricRegistry.All.ContainsKey(name) && !FeatureMetrics.All.ContainsKey(name)) is not null)
            throw new UsageException($"evaluate_metrics={config.EvaluateMetrics}: expected some of {string.Join(", ", MetricRegistry.All.Keys.Concat(FeatureMetrics.All.Keys).Append(Loss).Order(StringComparer.Ordinal))}, separated by commas");
        bool onlyLoss = names.All(name => name == Loss);
        if (data.HeldOut.Latents is not null && !onlyLoss)
            throw new UsageException($"evaluate_every: {config.Data} holds latents, but metrics compare pictures; evaluate_metrics={Loss} does not");
        ofImages = [.. names.Where(MetricRegistry.All.ContainsKey)];
        string[] ofFeatures = [.. names.Where(FeatureMetrics.All.ContainsKey)];
        if (ofFeatures.Length > 0 && !FeatureNetworks.All.ContainsKey(config.EvaluateFeatures))
            throw new UsageException($"evaluate_metrics={ofFeatures[0]}: takes evaluate_features, one of {string.Join(", ", FeatureNetworks.All.Keys)}");
        images = Math.Min(config.EvaluateImages, data.HeldOut.Count);
        (classes, seed) = (config.Network.LabelCount, config.Training.Seed);
        lossFirst = names[0] == Loss;
        if (names.Contains(Loss))
            lossImages = ImagesOfLoss(config, data.HeldOut);
        if (onlyLoss)
            return;
        reference = new MemorySource(EvenSample.Of(data.HeldOut, images), "held-out images");
        if (ofFeatures.Length == 0)
            return;
        network = FeatureNetworks.Open(config.EvaluateFeatures, new FeatureRequest(device, config.EvaluateWeights, null, reference.Height, reference.Width, reference.Channels));
        judge = new Judge(network, ofFeatures);
    }

    /// <summary>Whether <see cref="Measure"/> takes the loss.</summary>
    public bool TakesLoss => lossImages is not null;

    /// <summary>Measures the loss if it is asked for, and draws samples and measures them if anything else is.</summary>
    /// <param name="sampler">Makes the sampler of the averaged weights, which are up to date; called only if samples are drawn.</param>
    /// <param name="loss">The loss of the averaged weights; null unless <see cref="TakesLoss"/>.</param>
    /// <param name="step">Training step that was taken last, from 0.</param>
    /// <returns>The values by the names of their columns, in the order of the metrics.</returns>
    /// <exception cref="UsageException">Images or the loss are not finite, or a metric refuses the images.</exception>
    public IReadOnlyDictionary<string, double> Measure(Func<ImageSampler> sampler, HeldOutLoss? loss, long step)
    {
        var values = new OrderedDictionary<string, double>(StringComparer.Ordinal);
        double? lossValue = loss is not null && lossImages is not null ? MeanLoss(loss, lossImages, step) : null;
        if (lossFirst && lossValue is { } first)
            values[LossColumn] = first;
        if (reference is not null)
            MeasureSamples(sampler(), reference, values);
        if (lossValue is { } last)
            values[LossColumn] = last;
        return values;
    }

    private void MeasureSamples(ImageSampler sampler, MemorySource reference, OrderedDictionary<string, double> values)
    {
        int[] labels = classes == 0 ? [] : [.. Enumerable.Range(0, images).Select(i => i % classes)];
        byte[] pixels = sampler.SampleBytes(images, seed, out NonFiniteImages nonFinite, labels);
        if (nonFinite.Any)
            throw new UsageException(nonFinite.ToString());
        var drawn = new ByteImages(pixels, images, sampler.Height, sampler.Width, sampler.Channels);
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
            return;
        IReadOnlyList<JudgedValue> judged = judge.Measure(known ??= judge.LookAtReference(reference), judge.Look(new MemorySource(drawn, "samples")));
        higherIsBetter = !lossFirst && ofImages.Length == 0 && judged[0].Better == Better.Higher;
        foreach (JudgedValue value in judged)
            values[Prefix + value.Name] = value.Value;
    }

    private double MeanLoss(HeldOutLoss loss, FixedImages of, long step)
    {
        int[] labels = new int[loss.MicroBatch];
        float[] pixels = new float[loss.MicroBatch * of.ImageLength];
        double sum = 0;
        for (int first = 0; first < of.Count; first += labels.Length)
        {
            of.Fill(first, pixels, labels);
            ReadOnlySpan<float> losses = loss.Measure(pixels, classes == 0 ? [] : labels, first, step);
            foreach (float each in losses[..Math.Min(losses.Length, of.Count - first)])
                sum += each;
        }

        return double.IsFinite(sum) ? sum / of.Count : throw new UsageException("the loss on held-out images is not finite");
    }

    private FixedImages ImagesOfLoss(RunConfig config, IImageDataset heldOut)
    {
        if (heldOut.Count == 0)
            throw new UsageException($"evaluate_metrics={Loss}: {config.Data} has no held-out images");
        try
        {
            return new FixedImages(heldOut, images, seed);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"evaluate_images={config.EvaluateImages}: {e.Message}");
        }
    }

    /// <summary>Whether the first value is better than all before; of the loss and of metrics of images, small values are taken for the better ones.</summary>
    /// <param name="values">Values of <see cref="Measure"/>.</param>
    /// <param name="before">Lines of the log so far.</param>
    public bool IsBest(IReadOnlyDictionary<string, double> values, IReadOnlyList<MetricsRow> before)
    {
        (string name, double value) = values.First();
        return double.IsFinite(value) && before.Select(row => row.Means.GetValueOrDefault(name, double.NaN)).Where(double.IsFinite).All(other => higherIsBetter ? value > other : value < other);
    }

    public void Dispose() => network?.Dispose();
}
