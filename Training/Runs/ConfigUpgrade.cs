using System.Text.Json.Nodes;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Reads configurations of runs that were begun when all objectives had their numbers in one record and dropout stood beside the training's
/// options, so that such runs go on.
/// </summary>
internal static class ConfigUpgrade
{
    private const string Training = "training", Dropout = "dropout", LabelDropout = "label_dropout", GuidanceInput = "guidance_input";
    private static readonly string[] Consistency = ["tangent_warm_up", "tangent_constant", "tangent_norm"], Distillation = ["max_guidance"];

    /// <summary>Brings a stored configuration into the present form.</summary>
    public static void Apply(JsonObject config)
    {
        if (config[Training] is not JsonObject training || training[ObjectiveRegistry.NameKey] is not JsonObject objective || !config.ContainsKey(Dropout))
            return;
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
            objective[GuidanceInput] = false; // no student was told its guidance then
    }

    /// <summary>What is asked of a run that is there, but that a student which was begun without the guidance input goes on without it.</summary>
    public static RunConfig Adopt(RunConfig asked, RunConfig stored) =>
        (asked.Training.Objective, stored.Training.Objective) is (DistillationOptions { GuidanceInput: true } options, DistillationOptions { GuidanceInput: false })
            ? asked with { Training = asked.Training with { Objective = options with { GuidanceInput = false } } }
            : asked;
}
