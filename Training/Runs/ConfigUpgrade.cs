using System.Text.Json.Nodes;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Upgrades configurations of older runs, so that these can be continued. In such a configuration, one record holds the settings of all
/// objectives, and dropout stands beside the training options.
/// </summary>
internal static class ConfigUpgrade
{
    private const string Training = "training", Dropout = "dropout", LabelDropout = "label_dropout", GuidanceInput = "guidance_input";
    private static readonly string[] Consistency = ["tangent_warm_up", "tangent_constant", "tangent_norm"], Distillation = ["max_guidance"];

    /// <summary>Changes a stored configuration to the present form; returns false if it has that form already.</summary>
    public static bool Apply(JsonObject config)
    {
        if (config[Training] is not JsonObject training || training[ObjectiveRegistry.NameKey] is not JsonObject objective || !config.ContainsKey(Dropout))
            return false;
        training[Dropout] = config[Dropout]?.DeepClone();
        config.Remove(Dropout);
        string? name = objective[ObjectiveRegistry.NameKey]?.GetValue<string>();
        if (name == "trig_flow")
            objective[ObjectiveRegistry.NameKey] = "trigflow"; // the enum's name was split at its capitals
        foreach (string foreign in name switch
        {
            "trig_flow" => Consistency.Concat(Distillation),
            "sct" => Distillation.Append(LabelDropout),
            _ => [LabelDropout],
        })
            objective.Remove(foreign);
        if (name == "scd")
            objective[GuidanceInput] = false; // students did not take the guidance scale as an input then
        return true;
    }

    /// <summary>Returns the requested configuration for a run of the older form: if that is a distillation, without the guidance input.</summary>
    public static RunConfig Adopt(RunConfig asked, RunConfig stored) =>
        (asked.Training.Objective, stored.Training.Objective) is (DistillationOptions { GuidanceInput: true } options, DistillationOptions { GuidanceInput: false })
            ? asked with { Training = asked.Training with { Objective = options with { GuidanceInput = false } } }
            : asked;
}
