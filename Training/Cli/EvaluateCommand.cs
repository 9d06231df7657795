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
    public static Command Create()
    {
        var checkpoint = new Option<string>("--checkpoint") { Description = "Weight file (model.safetensors of a run).", Required = true };
        var data = new Option<string>("--data") { Description = "The data set; its held-out images are the reference.", Required = true };
        Option<int?> steps = ModelSampling.StepsOption();
        var count = new Option<int>("--count") { Description = "Samples to compare, at most the number of held-out images.", DefaultValueFactory = _ => 1024 };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the samples.", DefaultValueFactory = _ => 1 };
        Option<float> guidance = ModelSampling.GuidanceOption();
        string[] known = [.. MetricRegistry.All.Keys.Order(StringComparer.Ordinal)];
        var metrics = new Option<string[]>("--metric") { Description = "Metrics to take, by default all.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => known };
        metrics.AcceptOnlyFromAmong(known);
        Option<string> device = CommandLine.DeviceOption();
        Option<Precision> precision = CommandLine.PrecisionOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var command = new Command("evaluate", "Measures how far samples are from images never trained on.") { checkpoint, data, steps, count, seed, guidance, metrics, device, precision, tensorCores };
        command.SetAction(parsed => Run(
            parsed.GetValue(checkpoint)!, parsed.GetValue(data)!, parsed.GetValue(steps), parsed.GetValue(count), parsed.GetValue(seed), parsed.GetValue(guidance),
            parsed.GetValue(metrics)!, parsed.GetValue(device)!, parsed.GetValue(precision), parsed.GetValue(tensorCores)));
        return command;
    }

    private static int Run(string checkpoint, string data, int? steps, int count, ulong seed, float guidance, string[] metrics,
        string deviceName, Precision precision, TensorCorePath? tensorCores)
    {
        if (count < 1)
            throw new UsageException("--count is at least 1");
        using ComputeDevice device = CommandLine.Open(deviceName, tensorCores);
        using TrigFlowModel model = ModelSampling.Load(checkpoint, device, precision);
        Shape image = model.Network.Config.Image;
        DatasetSplit split = RunInputs.OpenFitted(data, image);
        int used = Math.Min(count, split.HeldOut.Count);
        if (used < count)
            Console.Error.WriteLine($"evaluate: {split.HeldOut.Count} images are held out, so {used} samples are compared");
        int stepsUsed = steps ?? KindSampler.DefaultSteps(model);
        ByteImages samples = ModelSampling.Draw(model, used, stepsUsed, seed, guidance: guidance);
        ByteImages held = EvenSample.Of(split.HeldOut, used), real = EvenSample.Of(split.Train, used);
        foreach (string name in metrics)
        {
            IMetric metric = MetricRegistry.Find(name);
            Print($"{stepsUsed} steps", name, used, Measure(name, metric, held, samples));
            Print("real", name, used, Measure(name, metric, held, real));
        }

        return 0;
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
