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
    private const string GridName = "grid.png", ArchiveName = "samples.npz";

    /// <summary>Images and pixels in grid.png: viewers cope badly with larger pictures, and samples.npz holds all images.</summary>
    private const int MaxInGrid = 256, MaxGridPixels = 1 << 26;

    public static Command Create()
    {
        Option<string> checkpoint = PathOptions.Required("--checkpoint", "Weight file (model.safetensors of a run, or PyTorch's under EDM's names).");
        Option<int> count = NumberOptions.Whole("--count", "Images to draw.", 1, ModelSampling.MaxCount, otherwise: 64);
        Option<int?> steps = ModelSampling.StepsOption();
        Option<ulong> seed = NumberOptions.Whole("--seed", "The same seed draws the same images.", 0UL, ulong.MaxValue, otherwise: 0UL);
        Option<string> output = PathOptions.Required("--out", $"Folder for {GridName} and {ArchiveName}.");
        Option<string[]> labels = LabelWords.Option();
        Option<float> guidance = ModelSampling.GuidanceOption();
        Option<string?> guide = ModelSampling.GuideOption();
        Option<string?> preset = ModelSampling.PresetOption();
        Option<string> device = CommandLine.DeviceOption();
        Option<Precision> precision = CommandLine.PrecisionOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var command = new Command("sample", "Draws images from a model; exit code 1 if some have values that are not finite.")
        {
            checkpoint, count, steps, seed, output, labels, guidance, guide, preset, device, precision, tensorCores,
        };
        command.SetAction(parsed =>
        {
            using ComputeDevice opened = CommandLine.Open(parsed.GetValue(device)!, parsed.GetValue(tensorCores));
            using TrigFlowModel model = ModelSampling.Load(parsed.GetValue(checkpoint)!, opened, parsed.GetValue(precision), parsed.GetValue(preset));
            int used = parsed.GetValue(steps) ?? KindSampler.DefaultSteps(model), images = parsed.GetValue(count);
            int[] classes = LabelWords.Resolve(model, images, parsed.GetValue(labels));
            using TrigFlowModel? second = ModelSampling.LoadGuide(parsed.GetValue(guide), model, parsed.GetValue(guidance), parsed.GetValue(precision));
            using ImageSampler sampler = ModelSampling.Create(model, used, parsed.GetValue(guidance), images, second);
            return Run(sampler, images, used, parsed.GetValue(seed), classes, parsed.GetValue(output)!);
        });
        return command;
    }

    private static int Run(ImageSampler sampler, int count, int steps, ulong seed, int[] classes, string output)
    {
        int size = sampler.Height * sampler.Width * sampler.Channels;
        OutputFolder.Require("--out", output, (long)count * size, GridName, ArchiveName);
        int inGrid = Math.Clamp(Math.Min(count, MaxGridPixels / (sampler.Height * sampler.Width)), 1, MaxInGrid);
        using var first = new MemoryStream();
        var nonFinite = new NonFiniteImages(0, 0, -1);
        var clock = Stopwatch.StartNew();
        string archive = Path.Combine(output, ArchiveName), grid = Path.Combine(output, GridName);
        Npz.Write(archive, count, sampler.Height, sampler.Width, sampler.Channels, Parts());
        double seconds = clock.Elapsed.TotalSeconds;
        ImageGrid.Write(grid, new ByteImages(first.ToArray(), inGrid, sampler.Height, sampler.Width, sampler.Channels));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} images in {seconds:F2} s ({count / seconds:F1} images/s, {steps} steps): {grid}, {archive}"));
        if (!nonFinite.Any)
            return 0;
        Console.Error.WriteLine($"sample: {nonFinite}; they are written as black or white, but the guidance is too large, or the weights are unusable");
        return 1;

        IEnumerable<ByteImages> Parts()
        {
            foreach ((ByteImages images, NonFiniteImages found) in ModelSampling.DrawParts(sampler, count, seed, classes))
            {
                nonFinite = nonFinite.And(found);
                if (first.Length < (long)inGrid * size)
                    first.Write(images.Pixels.Span[..(int)Math.Min(images.Pixels.Length, (long)inGrid * size - first.Length)]);
                yield return images;
            }
        }
    }
}
