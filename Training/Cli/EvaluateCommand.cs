using System.CommandLine;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>
/// evaluate: takes metrics of samples, drawn by a model or read from files, against a reference: moments, images, or the held-out images of a data set with those of real
/// images beside them.
/// </summary>
internal static class EvaluateCommand
{
    /// <summary>
    /// Fewest held-out images that are taken as a reference. A distance to n images has a relative error of about 1 / sqrt(2 n) from their choice alone: an eighth here, and
    /// more than a quarter below 8.
    /// </summary>
    internal const int MinReference = 32;

    /// <summary>Images that are compared with held-out ones unless another number is asked for.</summary>
    internal const int HeldOutImages = 1024;

    public static Command Create()
    {
        Option<string?> checkpoint = PathOptions.Optional("--checkpoint", "Weight file whose samples are judged (model.safetensors of a run, or PyTorch's under EDM's names).");
        Option<string?> images = PathOptions.Optional("--images", "Images that are judged instead: a folder, a zip, another data set, or samples in an .npz. Of more than --count a random subset is taken.");
        Option<string?> data = PathOptions.Optional("--data", $"The data set whose held-out images are the reference, at least {MinReference}; real images are judged beside the samples.");
        Option<string?> reference = PathOptions.Optional("--reference", "The reference instead: an .npz of moments (mu, sigma) as of EDM, pytorch-fid, ADM or `trigflow reference`, samples in an .npz, or all images of a data set.");
        Option<int[]> steps = NumberOptions.Wholes("--steps", $"Network evaluations of a consistency model, or solver steps of a diffusion model, one or several numbers (default {KindSampler.ConsistencySteps} or {KindSampler.DiffusionSteps}).", 1, ModelSampling.MaxSteps);
        Option<ulong[]> seeds = NumberOptions.Wholes("--seeds", "Seeds of the samples, one or several; papers draw three times and print the least value (default 1). With --images, of the subset (default 0).", 0UL, ulong.MaxValue);
        seeds.Aliases.Add("--seed");
        Option<int?> count = NumberOptions.Whole("--count", $"Images to judge (default {EvaluationReport.UsualImages} as published numbers are of; with --data {HeldOutImages}, at most the number of held-out images).", 1, ModelSampling.MaxCount);
        Option<float> guidance = ModelSampling.GuidanceOption();
        Option<string?> guide = ModelSampling.GuideOption();
        Option<string?> preset = ModelSampling.PresetOption();
        string[] known = [.. MetricRegistry.All.Keys.Concat(FeatureMetrics.All.Keys).Order(StringComparer.Ordinal)];
        var metrics = new Option<string[]>("--metrics")
        {
            Description = $"Metrics to take. Default: with --features {string.Join(", ", FeatureMetrics.Usual)}, or fd alone against moments; without --features all metrics of images.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [],
        };
        metrics.Aliases.Add("--metric");
        metrics.AcceptOnly(known);
        Option<string?> features = FeaturesOption();
        Option<string?> weights = WeightsOption();
        Option<string?> resizing = ResizingOption();
        Option<string?> output = PathOptions.Optional("--out", $"Folder for {EvaluationReport.JsonName} and {EvaluationReport.CsvName}.");
        Option<string> device = CommandLine.DeviceOption();
        Option<Precision> precision = CommandLine.PrecisionOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var command = new Command("evaluate", "Measures how far samples are from real images: distances between features as the field reports them, or metrics of the images themselves.")
        {
            checkpoint, images, data, reference, steps, seeds, count, guidance, guide, metrics, features, weights, resizing, output, preset, device, precision, tensorCores,
        };
        command.SetAction(parsed =>
        {
            var request = new EvaluationRequest
            {
                Checkpoint = parsed.GetValue(checkpoint),
                Images = parsed.GetValue(images),
                Data = parsed.GetValue(data),
                Reference = parsed.GetValue(reference),
                Steps = parsed.GetValue(steps)!,
                Seeds = parsed.GetValue(seeds)!,
                Count = parsed.GetValue(count),
                Guidance = parsed.GetValue(guidance),
                Guide = parsed.GetValue(guide),
                Metrics = parsed.GetValue(metrics)!,
                Features = parsed.GetValue(features),
                Weights = parsed.GetValue(weights),
                Resizing = ResizingOf(parsed.GetValue(resizing)),
                Output = parsed.GetValue(output),
                Preset = parsed.GetValue(preset),
                Precision = parsed.GetValue(precision),
            };
            request.Check();
            using ComputeDevice opened = CommandLine.Open(parsed.GetValue(device)!, parsed.GetValue(tensorCores));
            return EvaluationRun.Run(request, opened);
        });
        return command;
    }

    /// <summary>The option --features; null if it is absent.</summary>
    internal static Option<string?> FeaturesOption() => new Option<string?>("--features")
    {
        Description = $"Network whose features are compared: {string.Join("; ", FeatureNetworks.All.Select(each => $"{each.Key}, {each.Value.Words}"))}.",
    }.AcceptOnly([.. FeatureNetworks.All.Keys]);

    /// <summary>The option --weights; null if it is absent.</summary>
    internal static Option<string?> WeightsOption() => PathOptions.Optional("--weights", "File of the weights of --features.");

    /// <summary>The option --resizing; null if it is absent.</summary>
    internal static Option<string?> ResizingOption() => new Option<string?>("--resizing")
    {
        Description = "How Inception's input is made: tf1, as EDM, StyleGAN, ADM and torch-fidelity (default); half-pixel, as pytorch-fid.",
    }.AcceptOnly([.. FeatureNetworks.Resizings.Keys]);

    /// <summary>The resizing of a word.</summary>
    internal static InceptionResizing? ResizingOf(string? word) => word is null ? null : FeatureNetworks.Resizings[word];

    /// <exception cref="UsageException">There are too few held-out images.</exception>
    internal static void RequireReference(string data, int heldOut)
    {
        if (heldOut < MinReference)
            throw new UsageException($"--data {data}: {heldOut} {(heldOut == 1 ? "image is" : "images are")} held out of it, too few for a comparison; at least {MinReference} are needed, of one image in 16");
    }

    /// <summary>Takes a metric of images.</summary>
    /// <exception cref="UsageException">The metric refuses the images, because there are too few of them, say.</exception>
    internal static IReadOnlyList<MetricValue> Measure(string name, IMetric metric, ByteImages reference, ByteImages images)
    {
        try
        {
            return metric.Measure(reference, images);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"--metrics {name}: {e.Message}");
        }
    }
}
