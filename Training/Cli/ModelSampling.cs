using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>Draws images from a model with the sampler for its kind.</summary>
internal static class ModelSampling
{
    /// <summary>Most images of a draw: evaluation takes 50,000, and more can be drawn with another seed.</summary>
    public const int MaxCount = 1_000_000;

    /// <summary>
    /// Most steps of a diffusion model's solver, as many as the model of arXiv:2006.11239 has; and most evaluations of a consistency model, whose sampler records each
    /// of them.
    /// </summary>
    public const int MaxSteps = 1000, MaxConsistencySteps = 64;

    /// <summary>Images per batch on a GPU and on the host: enough to occupy the device, few enough to fit its memory.</summary>
    private const int BatchOnGpu = 256, BatchOnHost = 16;

    /// <summary>Pixels of the images that are held in fp32 at a time: 64 MiB.</summary>
    private const int PixelsAtATime = 1 << 24;

    /// <summary>Values of an image from which one alone is tried first: many of them may take minutes and gigabytes to fail.</summary>
    private const int LargeImage = 1 << 22;

    /// <summary>The option --steps; null stands for <see cref="KindSampler.DefaultSteps"/>.</summary>
    public static Option<int?> StepsOption() => NumberOptions.Whole(
        "--steps",
        $"Network evaluations of a consistency model (default {KindSampler.ConsistencySteps}, at most {MaxConsistencySteps}), solver steps of a diffusion model (default {KindSampler.DiffusionSteps}).",
        1, MaxSteps);

    /// <summary>The option --guidance, by default 1 for none.</summary>
    public static Option<float> GuidanceOption() => NumberOptions.Real(
        "--guidance", "Scale of guidance: classifier-free, for a diffusion model with classes or a student that takes the scale as an input, or by --guide.",
        float.MinValue, float.MaxValue, otherwise: 1);

    /// <summary>The option --guide; null if it is absent.</summary>
    public static Option<string?> GuideOption() => PathOptions.Optional(
        "--guide", "Weight file of a second diffusion model away from which --guidance leads: a smaller or less trained one (autoguidance), or one without classes.");

    /// <summary>Loads the guide of a model, if there is one.</summary>
    /// <exception cref="UsageException">It cannot guide the model, or see <see cref="Load"/>.</exception>
    /// <exception cref="InvalidFileException">See <see cref="WeightFile.Load"/>.</exception>
    public static TrigFlowModel? LoadGuide(string? path, TrigFlowModel model, float guidance, Precision precision)
    {
        if (path is null)
            return null;
        if (model.Kind == ModelKind.Consistency)
            throw new UsageException($"--guide {path}: a consistency model is not guided by another network; distil from a guided teacher instead");
        if (guidance == 1)
            throw new UsageException($"--guide {path}: has no effect without --guidance, which is 1");
        TrigFlowModel guide = Load(path, model.Weights.Device, precision);
        try
        {
            DiffusionSampler.RequireGuide(model, guide);
            return guide;
        }
        catch (ArgumentException e)
        {
            guide.Dispose();
            throw new UsageException($"--guide {path}: {e.Message}");
        }
    }

    /// <summary>The option --preset, for weights without a configuration; null if it is absent.</summary>
    public static Option<string?> PresetOption() => new Option<string?>("--preset")
    {
        HelpName = "preset", // the description lists them
        Description = $"Network of weights without metadata, such as PyTorch's: {string.Join(", ", ModelPresets.All.Keys)}.",
    }.AcceptOnly([.. ModelPresets.All.Keys]);

    /// <summary>Loads a model in the precision that a verb's options ask for, and says on the error stream if the file holds more than one network.</summary>
    /// <param name="path">Path of the weight file.</param>
    /// <param name="device">Device of the weights.</param>
    /// <param name="precision">Precision of the network.</param>
    /// <param name="preset">Preset of the network if the file does not describe it; a file that does must describe this one.</param>
    /// <param name="convention">Name of the space of latents that the file does not say; null if it draws pixels or says it.</param>
    /// <exception cref="UsageException">
    /// The device has no kernels for the precision or too little memory, or the file describes another network than the preset or latents of another convention.
    /// </exception>
    /// <exception cref="InvalidFileException">See <see cref="WeightFile.Load"/>.</exception>
    public static TrigFlowModel Load(string path, ComputeDevice device, Precision precision, string? preset = null, string? convention = null)
    {
        LoadedWeights loaded;
        try
        {
            NetworkConfig? network = preset is null ? null : ModelPresets.Get(preset);
            loaded = WeightFile.Load(path, device, precision.ActivationsOn(device), network);
            NetworkConfig found = loaded.Network.Config;
            if (network is not null && found.DifferenceFrom(network with { LabelCount = found.LabelCount, Conditions = found.Conditions }) is { } difference)
            {
                loaded.Weights.Dispose();
                throw new UsageException($"--preset {preset}: {path} is of another network, which its metadata describes ({difference}); leave --preset out");
            }
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
        catch (MemoryLimitException e)
        {
            throw new UsageException(e.With("these are the model's weights, which fit only a device with more memory").Message);
        }

        if (loaded.OtherPrefixes.Count > 0)
            Console.Error.WriteLine($"{path}: the average '{loaded.Prefix}' is taken, not {string.Join(", ", loaded.OtherPrefixes.Select(prefix => prefix.Length == 0 ? "the weights without a prefix" : $"'{prefix}'"))}");
        if (loaded.Description.IsAssumed)
            Console.Error.WriteLine($"{path}: taken as a {loaded.Description.Kind.ToString().ToLowerInvariant()} model with sigma_data {loaded.Description.SigmaData.ToString(CultureInfo.InvariantCulture)}, since its metadata does not say both");
        if (convention is not null)
            loaded = WithLatents(path, loaded, LatentConventions.Get(convention));
        return TrigFlowModel.Of(loaded);
    }

    private static LoadedWeights WithLatents(string path, LoadedWeights loaded, LatentSpace space)
    {
        int channels = loaded.Network.Config.Image.C;
        string? fault = loaded.Description.Latents is { } known && known != space ? $"its metadata says {known}"
            : space.Channels != channels ? $"the model draws {channels} channels, but {space} has {space.Channels}" : null;
        if (fault is null)
            return loaded with { Description = loaded.Description with { Latents = space } };
        loaded.Weights.Dispose();
        throw new UsageException($"--convention: {path} is not of {space}: {fault}");
    }

    /// <summary>Creates the sampler for a model: consistency sampling, or the ODE solver for a diffusion model. Its batch is as large as memory allows.</summary>
    /// <param name="model">The model.</param>
    /// <param name="steps">Network evaluations of a consistency model, or solver steps of a diffusion model; at least 1.</param>
    /// <param name="guidance">Scale of guidance; 1 for none.</param>
    /// <param name="count">Images to draw, at least 1.</param>
    /// <param name="guide">Second network of a diffusion model's guidance, as of <see cref="LoadGuide"/>; null for the model without class.</param>
    /// <exception cref="UsageException">
    /// The number of steps is out of range, guidance is not finite, or the model does not take it, or takes another input that no sampler has, or draws no pictures; or
    /// not even one image fits the memory.
    /// </exception>
    public static ImageSampler Create(TrigFlowModel model, int steps, float guidance, int count, TrigFlowModel? guide = null)
    {
        NetworkConfig config = model.Network.Config;
        int most = model.Kind == ModelKind.Consistency ? MaxConsistencySteps : MaxSteps;
        if (steps < 1 || steps > most)
            throw new UsageException($"--steps {steps}: expected 1 to {most} for a {model.Kind.ToString().ToLowerInvariant()} model");
        if (!float.IsFinite(guidance))
            throw new UsageException($"--guidance is {guidance}, expected a finite number");
        if (config.Conditions.Except([NetworkConfig.Guidance]).FirstOrDefault() is { } unknown)
            throw new UsageException($"the model takes '{unknown}' as an input, which no sampler gives it");
        if (config.Image.C is not (1 or 3) && model.Latents is null)
            throw new UsageException($"the model draws images of {config.Image.C} channels, but pictures have 1 or 3; if they are latents, --convention says which");
        if (guidance != 1 && config.LabelCount == 0 && guide is null)
            throw new UsageException("--guidance needs a network with classes, or a --guide");
        if (guidance != 1 && model.Kind == ModelKind.Consistency && !model.TakesGuidance)
            throw new UsageException("--guidance: this model takes no guidance scale as an input; distil with max_guidance above 1 to be able to choose the scale");
        if (model.GuidanceRange is { } trained && !trained.Contains(guidance))
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"--guidance {guidance}: the model was trained with scales from {trained}, and others may give worse images"));
        return Fitting(model, batch => KindSampler.Create(model, steps, guidance, batch, guide), Math.Min(count, model.Weights.Device.Name == "cpu" ? BatchOnHost : BatchOnGpu));
    }

    /// <summary>Draws images into memory. A model with classes takes the given labels in turn, or else all its classes.</summary>
    /// <exception cref="UsageException">See <see cref="Create"/>; or a label is not one of the model's classes, or images are not finite.</exception>
    /// <exception cref="OperationCanceledException">The draw was cancelled.</exception>
    public static ByteImages Draw(
        TrigFlowModel model, int count, int steps, ulong seed, IReadOnlyList<string>? labels = null, float guidance = 1, TrigFlowModel? guide = null,
        CancellationToken cancellation = default)
    {
        int[] classes = LabelWords.Resolve(model, count, labels);
        using ImageSampler sampler = Create(model, steps, guidance, count, guide);
        byte[] pixels = sampler.SampleBytes(count, seed, out NonFiniteImages nonFinite, classes, cancellation: cancellation);
        return nonFinite.Any
            ? throw new UsageException($"{nonFinite}: nothing can be compared with them; the guidance is too large, or the weights are unusable")
            : new ByteImages(pixels, count, sampler.Height, sampler.Width, sampler.Channels);
    }

    /// <summary>Draws images in parts, so that any number needs little memory.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="count">Images to draw.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="classes">Class of each image; empty if none has one.</param>
    /// <param name="pixelsAtATime">Pixels of a part, at most; a part holds at least one image.</param>
    /// <param name="cancellation">Ends the draw before its next batch.</param>
    public static IEnumerable<(ByteImages Images, NonFiniteImages NonFinite)> DrawParts(
        ImageSampler sampler, int count, ulong seed, int[] classes, int pixelsAtATime = PixelsAtATime, CancellationToken cancellation = default)
    {
        int size = sampler.Height * sampler.Width * sampler.Channels;
        int part = Math.Max(1, pixelsAtATime / size);
        if (part > sampler.Batch)
            part -= part % sampler.Batch; // whole batches
        for (int first = 0; first < count; first += part)
        {
            int taken = Math.Min(part, count - first);
            byte[] pixels = sampler.SampleBytes(taken, seed, out NonFiniteImages nonFinite, classes.Length == 0 ? [] : classes.AsSpan(first, taken), first, cancellation);
            yield return (new ByteImages(pixels, taken, sampler.Height, sampler.Width, sampler.Channels), nonFinite);
        }
    }

    /// <summary>Creates the sampler, with half the batch as long as memory does not suffice; the images do not depend on the batch.</summary>
    private static ImageSampler Fitting(TrigFlowModel model, Func<int, ImageSampler> create, int batch)
    {
        if (batch > 1 && model.Network.Config.Image.Count >= LargeImage)
            Single(model, create).Dispose();
        for (; batch > 1; batch /= 2)
        {
            try
            {
                return create(batch);
            }
            catch (Exception e) when (e is MemoryLimitException or ArgumentException)
            {
                // Half of it may do.
            }
        }

        return Single(model, create);
    }

    /// <summary>Creates the sampler for one image at a time.</summary>
    private static ImageSampler Single(TrigFlowModel model, Func<int, ImageSampler> create)
    {
        Shape image = model.Network.Config.Image;
        try
        {
            return create(1);
        }
        catch (MemoryLimitException e)
        {
            throw new UsageException(e.With($"a single image of {image.H}x{image.W} takes as much").Message);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"a single image of {image.H}x{image.W} is too large: {e.Message}");
        }
    }
}
