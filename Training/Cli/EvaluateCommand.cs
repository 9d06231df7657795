using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>evaluate: takes metrics of samples against held-out images, with those of real images beside them.</summary>
internal static class EvaluateCommand
{
    /// <summary>
    /// Fewest held-out images that are taken as a reference. A distance to n images has a relative error of about 1 / sqrt(2 n) from their choice alone: an eighth here, and
    /// more than a quarter below 8.
    /// </summary>
    internal const int MinReference = 32;

    public static Command Create()
    {
        Option<string> checkpoint = PathOptions.Required("--checkpoint", "Weight file (model.safetensors of a run, or PyTorch's under EDM's names).");
        Option<string> data = PathOptions.Required("--data", $"The data set; its held-out images are the reference, at least {MinReference}.");
        Option<int?> steps = ModelSampling.StepsOption();
        Option<int> count = NumberOptions.Whole("--count", "Samples to compare, at most the number of held-out images.", 1, ModelSampling.MaxCount, otherwise: 1024);
        Option<ulong> seed = NumberOptions.Whole("--seed", "Seed of the samples.", 0UL, ulong.MaxValue, otherwise: 1UL);
        Option<float> guidance = ModelSampling.GuidanceOption();
        Option<string?> guide = ModelSampling.GuideOption();
        Option<string?> preset = ModelSampling.PresetOption();
        string[] known = [.. MetricRegistry.All.Keys.Order(StringComparer.Ordinal)];
        var metrics = new Option<string[]>("--metric") { Description = "Metrics to take, by default all.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => known };
        metrics.AcceptOnly(known);
        Option<string> device = CommandLine.DeviceOption();
        Option<Precision> precision = CommandLine.PrecisionOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var command = new Command("evaluate", "Measures how far samples are from images never trained on.") { checkpoint, data, steps, count, seed, guidance, guide, metrics, preset, device, precision, tensorCores };
        command.SetAction(parsed => Run(
            parsed.GetValue(checkpoint)!, parsed.GetValue(data)!, parsed.GetValue(steps), parsed.GetValue(count), parsed.GetValue(seed), parsed.GetValue(guidance),
            parsed.GetValue(guide), parsed.GetValue(metrics)!, parsed.GetValue(preset), parsed.GetValue(device)!, parsed.GetValue(precision), parsed.GetValue(tensorCores)));
        return command;
    }

    private static int Run(string checkpoint, string data, int? steps, int count, ulong seed, float guidance, string? guidePath, string[] metrics, string? preset,
        string deviceName, Precision precision, TensorCorePath? tensorCores)
    {
        using ComputeDevice device = CommandLine.Open(deviceName, tensorCores);
        using TrigFlowModel model = ModelSampling.Load(checkpoint, device, precision, preset);
        if (model.Latents is not null)
            throw new UsageException($"{checkpoint} is a model of latents, but metrics compare pictures");
        using TrigFlowModel? guide = ModelSampling.LoadGuide(guidePath, model, guidance, precision);
        Shape image = model.Network.Config.Image;
        DatasetSplit split = RunInputs.OpenFitted(data, image);
        if (split.HeldOut.Latents is not null)
            throw new UsageException($"--data {data} holds latents, but metrics compare pictures");
        RequireReference(data, split.HeldOut.Count);
        int used = Math.Min(count, split.HeldOut.Count);
        if (used < count)
            Console.Error.WriteLine($"evaluate: {split.HeldOut.Count} images are held out, so {used} samples are compared");
        int stepsUsed = steps ?? KindSampler.DefaultSteps(model);
        ByteImages samples = ModelSampling.Draw(model, used, stepsUsed, seed, guidance: guidance, guide: guide);
        ByteImages held = EvenSample.Of(split.HeldOut, used), real = EvenSample.Of(split.Train, used);
        foreach (string name in metrics)
        {
            IMetric metric = MetricRegistry.Find(name);
            Print($"{stepsUsed} steps", name, used, Measure(name, metric, held, samples));
            Print("real", name, used, Measure(name, metric, held, real));
        }

        return 0;
    }

    /// <exception cref="UsageException">There are too few held-out images.</exception>
    internal static void RequireReference(string data, int heldOut)
    {
        if (heldOut < MinReference)
            throw new UsageException($"--data {data}: {heldOut} {(heldOut == 1 ? "image is" : "images are")} held out of it, too few for a comparison; at least {MinReference} are needed, of one image in 16");
    }

    /// <summary>Takes a metric.</summary>
    /// <exception cref="UsageException">The metric refuses the images, because there are too few of them, say.</exception>
    internal static IReadOnlyList<MetricValue> Measure(string name, IMetric metric, ByteImages reference, ByteImages images)
    {
        try
        {
            return metric.Measure(reference, images);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"--metric {name}: {e.Message}");
        }
    }

    private static void Print(string sampled, string metric, int count, IReadOnlyList<MetricValue> values) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{sampled,-10} {count} images  {metric}  {string.Join("  ", values.Select(value => $"{value.Name} {value.Value.ToString("F4", CultureInfo.InvariantCulture)}"))}"));
}
