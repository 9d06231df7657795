using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Extension;

/// <summary>Makes the network, the objective and the metric known by their names: what a program calls once, before it reads configurations or weight files.</summary>
public static class Registration
{
    /// <summary>The name of the objective.</summary>
    public const string Objective = "uniform_time";

    /// <summary>The name of the metric.</summary>
    public const string Metric = "mean-colour";

    /// <summary>Registers everything; the objective gets the numbers of diffusion training for every preset.</summary>
    /// <exception cref="ArgumentException">It was called before.</exception>
    public static void Register()
    {
        NetworkRegistry.Add(ConvnetConfig.Word, ConvnetConfig.FromJson);
        ObjectiveRegistry.Add<UniformTimeOptions>(Objective, "regression at uniform times");
        MetricRegistry.Add(Metric, new MeanColour());
        foreach (string preset in ModelPresets.All.Keys)
        {
            TrainingPreset numbers = TrainingPresets.Get(preset, "trigflow");
            TrainingPresets.Set(preset, Objective, numbers with { Options = numbers.Options with { Objective = new UniformTimeOptions() } });
        }
    }
}
