using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Extension;

/// <summary>
/// Makes the network with a preset of it, the objective and the metric known by their names. A program calls it once, before it reads
/// a command line, a configuration or a weight file.
/// </summary>
public static class Registration
{
    /// <summary>The name of the network's preset.</summary>
    public const string Preset = "convnet";

    /// <summary>The name of the objective.</summary>
    public const string Objective = "uniform_time";

    /// <summary>The name of the metric.</summary>
    public const string Metric = "mean-colour";

    /// <summary>Registers everything. The preset is trained by demo's numbers; the objective takes the numbers of diffusion training of the presets that it knows.</summary>
    /// <exception cref="ArgumentException">It was called before.</exception>
    public static void Register()
    {
        NetworkRegistry.Add(ConvnetConfig.Word, ConvnetConfig.FromJson);
        ModelPresets.Add(Preset, new ConvnetConfig { Resolution = 16, ImageChannels = 3, Width = 16 });
        foreach (string objective in (string[])["trigflow", "sct", "scd"])
            TrainingPresets.Set(Preset, objective, TrainingPresets.Get("demo", objective));

        ObjectiveRegistry.Add<UniformTimeOptions>(Objective, "regression at uniform times");
        foreach (string preset in (string[])["cifar10", "mnist", "demo", Preset])
        {
            TrainingPreset numbers = TrainingPresets.Get(preset, "trigflow");
            TrainingPresets.Set(preset, Objective, numbers with { Options = numbers.Options with { Objective = new UniformTimeOptions() } });
        }

        MetricRegistry.Add(Metric, new MeanColour());
    }
}
