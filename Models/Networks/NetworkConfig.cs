using System.Collections.Immutable;
using System.Text.Json.Nodes;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Everything that decides which parameters a network has, as weight files hold it. Two configurations are equal if their JSON is.
/// </summary>
public abstract record NetworkConfig
{
    /// <summary>Name of the scalar condition that holds a guidance scale.</summary>
    public const string Guidance = "guidance";

    /// <summary>Name of the architecture in files and in the registry, such as ddpmpp.</summary>
    public abstract string Architecture { get; }

    /// <summary>Extents of an image, (1, H, W, C).</summary>
    public abstract Shape Image { get; }

    /// <summary>Number of classes; 0 for a network without labels.</summary>
    public int LabelCount { get; init; }

    /// <summary>
    /// Names of the scalars, such as <see cref="Guidance"/>, that the network takes beside the time. Each is embedded like the time, passes a linear
    /// layer that starts at zero, and is added to the time's embedding, so it changes nothing at first.
    /// </summary>
    public ImmutableArray<string> Conditions { get; init; } = [];

    /// <summary>Whether the network has no derivative by the time: it can teach, guide and be sampled from, but not be trained, nor can a student start from it.</summary>
    public virtual bool IsOnlyEvaluated => false;

    /// <summary>Builds the network.</summary>
    /// <exception cref="ArgumentException">A member is out of range, or members do not fit together; the message says which.</exception>
    public abstract INetwork Build();

    /// <summary>Formats the configuration as one line of JSON with the key "architecture".</summary>
    public abstract string ToJson();

    /// <summary>Returns in words the members in which a configuration differs from another, as "model_channels is 64, not 32; num_blocks is 2, not 3"; null if they are equal.</summary>
    /// <remarks>Of another architecture only that is said, since its members mean other things.</remarks>
    /// <param name="other">The configuration that was expected.</param>
    public string? DifferenceFrom(NetworkConfig other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Architecture != other.Architecture)
            return $"architecture is {Architecture}, not {other.Architecture}";
        JsonObject own = JsonNode.Parse(ToJson())!.AsObject(), expected = JsonNode.Parse(other.ToJson())!.AsObject();
        string[] differences =
        [
            .. from key in own.Select(pair => pair.Key).Union(expected.Select(pair => pair.Key))
               where !JsonNode.DeepEquals(own[key], expected[key])
               select $"{key} is {Text(own[key])}, not {Text(expected[key])}",
        ];
        return differences.Length == 0 ? null : string.Join("; ", differences);

        static string Text(JsonNode? value) => value is null ? "absent" : value.GetValueKind() == System.Text.Json.JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();
    }

    /// <inheritdoc/>
    public virtual bool Equals(NetworkConfig? other) => other is not null && ToJson() == other.ToJson();

    /// <inheritdoc/>
    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);
}
