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
        Option<string?> decoder = PathOptions.Optional("--decoder", $"For a model of latents, {LatentOptions.DecoderDescription} Without it {ArchiveName} holds raw latents, float32 (N, C, H, W).");
        var convention = new Option<string?>("--convention") { Description = "What the latents are of, if the weight file does not say it." };
        convention.AcceptOnly([.. LatentConventions.All.Keys.Order(StringComparer.Ordinal)]);
        var command = new Command("sample", "Draws images from a model; exit code 1 if some have values that are not finite.")
        {
            checkpoint, count, steps, seed, output, labels, guidance, guide, preset, decoder, convention, device, precision, tensorCores,
        };
        command.SetAction(parsed =>
        {
            using ComputeDevice opened = CommandLine.Open(parsed.GetValue(device)!, parsed.GetValue(tensorCores));
            using TrigFlowModel model = ModelSampling.Load(parsed.GetValue(checkpoint)!, opened, parsed.GetValue(precision), parsed.GetValue(preset), parsed.GetValue(convention));
            using LatentDecoder? decodes = DecoderFor(model, parsed.GetValue(decoder), opened, parsed.GetValue(precision));
            int used = parsed.GetValue(steps) ?? KindSampler.DefaultSteps(model), images = parsed.GetValue(count);
            int[] classes = LabelWords.Resolve(model, images, parsed.GetValue(labels));
            using TrigFlowModel? second = ModelSampling.LoadGuide(parsed.GetValue(guide), model, parsed.GetValue(guidance), parsed.GetValue(precision));
            using ImageSampler sampler = ModelSampling.Create(model, used, parsed.GetValue(guidance), images, second);
            return StopSignal.Around(command.Name, stop => Run(new Job(sampler, images, used, parsed.GetValue(seed), classes, parsed.GetValue(output)!) { Latents = model.Latents, Decoder = decodes, Stop = stop }));
        });
        return command;
    }

    private static LatentDecoder? DecoderFor(TrigFlowModel model, string? path, ComputeDevice device, Precision precision) =>
        path is null ? null
        : model.Latents is { } space ? LatentOptions.LoadDecoder(path, space, device, precision)
        : throw new UsageException("--decoder: the model draws pixels by its metadata; if it draws latents, --convention says which");

    private static int Run(Job job)
    {
        (int height, int width, int channels) = job.PictureExtents;
        int size = height * width * channels, inGrid = Math.Clamp(Math.Min(job.Count, MaxGridPixels / (height * width)), 1, MaxInGrid);
        OutputFolder.Require("--out", job.Output, job.ArchiveBytes, GridName, ArchiveName);
        using var first = new MemoryStream();
        var nonFinite = new NonFiniteImages(0, 0, -1);
        var clock = Stopwatch.StartNew();
        string archive = Path.Combine(job.Output, ArchiveName), grid = Path.Combine(job.Output, GridName);
        if (job is { Latents: { } space, Decoder: null })
            Npz.WriteLatents(archive, [job.Count, space.Channels, height, width], new LatentSampling(job.Sampler, space).DrawRaw(job.Count, job.Seed, job.Classes).Select(part => Kept(part.Raw, part.Look, part.NonFinite)));
        else
            Npz.Write(archive, job.Count, height, width, channels, job.DrawPictures().Select(part => Kept(part.Images, part.Images, part.NonFinite)));
        double seconds = clock.Elapsed.TotalSeconds;
        ImageGrid.Write(grid, new ByteImages(first.ToArray(), inGrid, height, width, channels));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{job.Count} images in {seconds:F2} s ({job.Count / seconds:F1} images/s, {job.Steps} steps): {grid}, {archive}"));
        if (job is { Latents: not null, Decoder: null })
            Console.Error.WriteLine($"sample: {archive} holds raw latents, and {grid} their first channels: --decoder FILE makes pictures");
        if (!nonFinite.Any)
            return 0;
        Console.Error.WriteLine($"sample: {nonFinite}; they are written as black or white, but the guidance is too large, or the weights are unusable");
        return 1;

        T Kept<T>(T part, ByteImages look, NonFiniteImages found)
        {
            job.Stop.ThrowIfCancellationRequested();
            nonFinite = nonFinite.And(found);
            if (first.Length < (long)inGrid * size)
                first.Write(look.Pixels.Span[..(int)Math.Min(look.Pixels.Length, (long)inGrid * size - first.Length)]);
            return part;
        }
    }

    /// <summary>What is drawn, and where to.</summary>
    private sealed record Job(ImageSampler Sampler, int Count, int Steps, ulong Seed, int[] Classes, string Output)
    {
        /// <summary>Space of the latents that the sampler draws; null for pixels.</summary>
        public LatentSpace? Latents { get; init; }

        /// <summary>Decoder of the latents; null for none.</summary>
        public LatentDecoder? Decoder { get; init; }

        /// <summary>Ends the draw.</summary>
        public CancellationToken Stop { get; init; }

        /// <summary>Height, width and channels of the pictures in the grid: of latents without a decoder, of a look at their first channels.</summary>
        public (int Height, int Width, int Channels) PictureExtents => Latents is null ? (Sampler.Height, Sampler.Width, Sampler.Channels)
            : Decoder is null ? (Sampler.Height, Sampler.Width, Sampler.Channels < 3 ? 1 : 3)
            : (Sampler.Height * Decoder.Scale, Sampler.Width * Decoder.Scale, 3);

        /// <summary>Size of the archive.</summary>
        public long ArchiveBytes => Latents is not null && Decoder is null
            ? sizeof(float) * (long)Count * Sampler.Height * Sampler.Width * Sampler.Channels
            : (long)Count * PictureExtents.Height * PictureExtents.Width * PictureExtents.Channels;

        /// <summary>Draws pixels, or latents and decodes them.</summary>
        public IEnumerable<(ByteImages Images, NonFiniteImages NonFinite)> DrawPictures() => Latents is not null && Decoder is not null
            ? new LatentSampling(Sampler, Latents).DrawPictures(Decoder, Count, Seed, Classes)
            : ModelSampling.DrawParts(Sampler, Count, Seed, Classes, cancellation: Stop);
    }
}
