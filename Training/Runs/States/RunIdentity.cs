using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// What a run was begun with, by content: wherever the files lie now, a continued run takes the same images and the same teacher, or it would be
/// another run. A training state holds it.
/// </summary>
/// <param name="SigmaData">Standard deviation of the data that the parameterisation uses, in the data's unit.</param>
/// <param name="Data">Images and labels to train on.</param>
/// <param name="Teacher">Hash of the teacher's weights, see <see cref="SafetensorsFile.HashData"/>; null without a teacher.</param>
/// <param name="Init">Hash of the weights that training started from; null if these are fresh or the teacher's.</param>
/// <param name="Guide">Hash of the weights of the teacher's guide; null, and not stored, without one.</param>
public sealed record RunIdentity(
    float SigmaData, DataFingerprint Data, string? Teacher = null, string? Init = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Guide = null)
{
    private static readonly JsonSerializerOptions OneLine = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Formats the identity as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, OneLine);

    /// <summary>Reads the output of <see cref="ToJson"/>.</summary>
    /// <param name="path">The file in which the text was found, for the message.</param>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidFileException">The text is not JSON of an identity.</exception>
    public static RunIdentity FromJson(string path, string json)
    {
        RunIdentity identity = JsonFile.Parse<RunIdentity>(path, Encoding.UTF8.GetBytes(json));
        return identity.SigmaData is > 0 and < float.PositiveInfinity
            ? identity
            : throw new InvalidFileException(path, $"its identity has the sigma_data {identity.SigmaData}, expected a positive number");
    }
}
