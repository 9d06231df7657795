using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>sample: draws images from a model into grid.png and samples.npz.</summary>
internal static class SampleCommand
{
    /// <summary>Images in grid.png: viewers cope badly with larger pictures, and samples.npz holds all images.</summary>
    private const int MaxInGrid = 256;

    public static Command Create()
    {
        var checkpoint = new Option<string>("--checkpoint") { Description = "Weight file (model.safetensors of a run).", Required = true };
        var count = new Option<int>("--count") { Description = "Images to draw.", DefaultValueFactory = _ => 64 };
        Option<int?> steps = ModelSampling.StepsOption();
        var seed = new Option<ulong>("--seed") { Description = "The same seed draws the same images.", DefaultValueFactory = _ => 0 };
        var output = new Option<string>("--out") { Description = "Folder for grid.png and samples.npz.", Required = true };
        var labels = new Option<int[]>("--labels") { Description = "Classes, taken in turn; -1 for none. Default: all classes in turn.", AllowMultipleArgumentsPerToken = true };
        Option<float> guidance = ModelSampling.GuidanceOption();
        Option<string> device = CommandLine.DeviceOption();
        Option<Precision> precision = CommandLine.PrecisionOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var command = new Command("sample", "Draws images from a model.") { checkpoint, count, steps, seed, output, labels, guidance, device, precision, tensorCores };
        command.SetAction(parsed => Run(
            parsed.GetValue(checkpoint)!, parsed.GetValue(count), parsed.GetValue(steps), parsed.GetValue(seed), parsed.GetValue(output)!,
            parsed.GetValue(labels), parsed.GetValue(guidance), parsed.GetValue(device)!,
            parsed.GetValue(precision), parsed.GetValue(tensorCores)));
        return command;
    }

    private static int Run(string checkpoint, int count, int? steps, ulong seed, string output, int[]? labels, float guidance, string deviceName,
        Precision precision, TensorCorePath? tensorCores)
    {
        if (count < 1)
            throw new UsageException("--count must be at least 1");
        using ComputeDevice device = CommandLine.Open(deviceName, tensorCores);
        using TrigFlowModel model = ModelSampling.Load(checkpoint, device, precision);
        int used = steps ?? KindSampler.DefaultSteps(model);
        var clock = Stopwatch.StartNew();
        ByteImages images = ModelSampling.Draw(model, count, used, seed, labels, guidance);
        double seconds = clock.Elapsed.TotalSeconds;
        Npz.Write(Path.Combine(output, "samples.npz"), images);
        ImageGrid.Write(Path.Combine(output, "grid.png"), First(images, MaxInGrid));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count} images in {seconds:F2} s ({count / seconds:F1} images/s, {used} steps): {Path.Combine(output, "grid.png")}, {Path.Combine(output, "samples.npz")}"));
        return 0;
    }

    private static ByteImages First(ByteImages images, int max) => images.Count <= max
        ? images
        : new ByteImages(images.Pixels[..(max * images.Height * images.Width * images.Channels)], max, images.Height, images.Width, images.Channels);
}
