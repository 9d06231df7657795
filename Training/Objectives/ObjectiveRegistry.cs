using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The objectives by name, a line each. A program adds its own before it reads a configuration of it.</summary>
public static class ObjectiveRegistry
{
    /// <summary>The key of an objective's options that holds its name.</summary>
    internal const string NameKey = "objective";

    private static readonly ConcurrentDictionary<string, ObjectiveEntry> Entries = new(StringComparer.Ordinal)
    {
        ["trigflow"] = new("diffusion pre-training", typeof(TrigFlowOptions)),
        ["sct"] = new("consistency training", typeof(ConsistencyOptions)),
        ["scd"] = new("consistency distillation", typeof(DistillationOptions)),
    };

    /// <summary>All objectives by name.</summary>
    public static IReadOnlyDictionary<string, ObjectiveEntry> All => Entries;

    /// <summary>Makes an objective known by its name.</summary>
    /// <typeparam name="T">The record of its options, whose members have default values.</typeparam>
    /// <param name="name">Lower-case letters, as the command line and configurations have it.</param>
    /// <param name="description">What it is, in a few words.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public static void Add<T>(string name, string description)
        where T : ObjectiveOptions, new()
    {
        if (!Entries.TryAdd(name, new ObjectiveEntry(description, typeof(T))))
            throw new ArgumentException($"the objective '{name}' is known already");
    }

    /// <summary>An objective's options with their default values.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists them.</exception>
    public static ObjectiveOptions Defaults(string name) => (ObjectiveOptions)Activator.CreateInstance(TypeOf(name))! with { Name = name };

    /// <summary>The type of an objective's options.</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists them.</exception>
    internal static Type TypeOf(string? name) => name is not null && Entries.TryGetValue(name, out ObjectiveEntry? entry)
        ? entry.Options
        : throw new ArgumentException($"unknown objective '{name}': {string.Join(", ", Entries.Keys.Order(StringComparer.Ordinal))}");
}

/// <summary>What the registry knows of an objective.</summary>
/// <param name="Description">What it is, in a few words.</param>
/// <param name="Options">The record of its numbers.</param>
public sealed record ObjectiveEntry(string Description, Type Options);

/// <summary>Reads and writes options as the record that their name asks for.</summary>
internal sealed class ObjectiveOptionsConverter : JsonConverter<ObjectiveOptions>
{
    public override ObjectiveOptions Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        JsonObject node = JsonNode.Parse(ref reader) as JsonObject ?? throw new JsonException("the objective is no JSON object");
        string? name = node[ObjectiveRegistry.NameKey] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
        return (ObjectiveOptions)node.Deserialize(ObjectiveRegistry.TypeOf(name), options)!;
    }

    public override void Write(Utf8JsonWriter writer, ObjectiveOptions value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, value.GetType(), options);
}
