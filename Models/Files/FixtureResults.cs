using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// What another implementation computed, without the gradients, which are as large as the weights and therefore read one by one: with forced weights
/// or with the weights as they are, by the prefix of its tensors.
/// </summary>
internal sealed record FixtureResults(string Prefix, float[] F, float[] Jvp, float[]? Logvar)
{
    /// <summary>Prefix of what was computed as in training.</summary>
    public const string Training = "";

    /// <summary>Prefix of what was computed from the weights as they are.</summary>
    public const string Evaluation = "eval.";

    public static FixtureResults Read(SafetensorsFile file, INetwork network, FixtureInputs inputs, string prefix)
    {
        foreach (ParameterSpec parameter in network.Parameters)
            file.Require($"{prefix}grad.{parameter.Name}", parameter.FileShape.AsSpan());
        return new FixtureResults(
            prefix, FixtureInputs.ReadImages(file, $"{prefix}F", inputs.Shape), FixtureInputs.ReadImages(file, $"{prefix}JVP", inputs.Shape),
            inputs.LogvarCotangent is null ? null : FixtureInputs.ReadTimes(file, $"{prefix}logvar", inputs.Shape.N));
    }
}
