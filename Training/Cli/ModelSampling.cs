using System.CommandLine;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>Draws images from a model with the sampler for its kind.</summary>
internal static class ModelSampling
{
    /// <summary>Images per batch on a GPU and on the host: enough to occupy the device, few enough to fit its memory.</summary>
    private const int BatchOnGpu = 256, BatchOnHost = 16;

    /// <summary>The option --steps; null stands for <see cref="KindSampler.DefaultSteps"/>.</summary>
    public static Option<int?> StepsOption() => new("--steps")
    {
        Description = $"Network evaluations of a consistency model (default {KindSampler.ConsistencySteps}), solver steps of a diffusion model (default {KindSampler.DiffusionSteps}).",
    };

    /// <summary>The option --guidance, by default 1 for none.</summary>
    public static Option<float> GuidanceOption() => new("--guidance")
    {
        Description = "Scale of classifier-free guidance, for a diffusion model with classes or a student that takes the scale as an input.",
        DefaultValueFactory = _ => 1,
    };

    /// <summary>Loads a model in the precision that a verb's options ask for.</summary>
    /// <exception cref="UsageException">The device has no kernels for the precision.</exception>
    /// <exception cref="InvalidFileException">See <see cref="WeightFile.Load"/>.</exception>
    public static TrigFlowModel Load(string path, ComputeDevice device, Precision precision)
    {
        try
        {
            precision = precision.On(device);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }

        return TrigFlowModel.Load(path, device, precision);
    }

    /// <summary>Creates the sampler for a model: consistency sampling, or the ODE solver for a diffusion model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="steps">Network evaluations of a consistency model, or solver steps of a diffusion model; at least 1.</param>
    /// <param name="guidance">Scale of classifier-free guidance; 1 for none.</param>
    /// <param name="count">Images to draw, at least 1.</param>
    /// <exception cref="UsageException">The number of steps is below 1, guidance is not finite, or the model does not take it, or takes another input that no sampler has.</exception>
    public static ImageSampler Create(TrigFlowModel model, int steps, float guidance, int count)
    {
        if (steps < 1)
            throw new UsageException("--steps must be at least 1");
        if (!float.IsFinite(guidance))
            throw new UsageException($"--guidance is {guidance}, expected a finite number");
        if (model.Network.Config.Conditions.Except([NetworkConfig.Guidance]).FirstOrDefault() is { } unknown)
            throw new UsageException($"the model takes '{unknown}' as an input, which no sampler gives it");
        int batch = Math.Min(count, model.Weights.Device.Name == "cpu" ? BatchOnHost : BatchOnGpu);
        if (guidance != 1 && model.Network.Config.LabelCount == 0)
            throw new UsageException("--guidance needs a network with classes");
        if (guidance != 1 && model.Kind == ModelKind.Consistency && !model.TakesGuidance)
            throw new UsageException("--guidance: this model takes no guidance scale as an input; distil with max_guidance above 1 to be able to choose the scale");
        return KindSampler.Create(model, steps, guidance, batch);
    }

    /// <summary>Draws images. A model with classes takes the given labels in turn, or else all its classes.</summary>
    /// <exception cref="UsageException">See <see cref="Create"/>; or a label is not one of the model's classes.</exception>
    public static ByteImages Draw(TrigFlowModel model, int count, int steps, ulong seed, IReadOnlyList<int>? labels = null, float guidance = 1)
    {
        int[] classes = Classes(model.Network.Config, count, labels);
        using ImageSampler sampler = Create(model, steps, guidance, count);
        Shape image = model.Network.Config.Image;
        return new ByteImages(sampler.SampleBytes(count, seed, classes), count, image.H, image.W, image.C);
    }

    private static int[] Classes(NetworkConfig config, int count, IReadOnlyList<int>? labels)
    {
        if (config.LabelCount == 0)
        {
            return labels is { Count: > 0 } ? throw new UsageException("--labels: the model was trained without classes") : [];
        }

        if (labels is not { Count: > 0 })
            return [.. Enumerable.Range(0, count).Select(i => i % config.LabelCount)];
        foreach (int label in labels)
            if (label < -1 || label >= config.LabelCount)
                throw new UsageException($"--labels: {label} is not one of the model's classes 0 to {config.LabelCount - 1} (-1 for none)");
        return [.. Enumerable.Range(0, count).Select(i => labels[i % labels.Count])];
    }
}
