using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The objectives by name, one line each. A program adds its own objectives before it reads configurations that name them.</summary>
public static class ObjectiveRegistry
{
    /// <summary>JSON key of an objective's name in its options.</summary>
    internal const string NameKey = "objective";

    private static readonly ConcurrentDictionary<string, ObjectiveEntry> Entries = new(StringComparer.Ordinal)
    {
        ["trigflow"] = new("diffusion pre-training", typeof(TrigFlowOptions)),
        ["sct"] = new("consistency training", typeof(ConsistencyOptions)),
        ["scd"] = new("consistency distillation", typeof(DistillationOptions)),
    };

    /// <summary>All objectives by name.</summary>
    public static IReadOnlyDictionary<string, ObjectiveEntry> All => Entries;

    /// <summary>Registers an objective under a name.</summary>
    /// <typeparam name="T">Record of the objective's options, whose members have default values.</typeparam>
    /// <param name="name">Name in lower-case letters, for the command line and configurations.</param>
    /// <param name="description">A few words that describe the objective in --help.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public static void Add<T>(string name, string description)
        where T : ObjectiveOptions, new()
    {
        if (!Entries.TryAdd(name, new ObjectiveEntry(description, typeof(T))))
            throw new ArgumentException($"the objective '{name}' is registered already");
    }

    /// <summary>Creates an objective's options with their default values.</summary>
    /// <exception cref="ArgumentException">No objective has that name; the message lists those that exist.</exception>
    public static ObjectiveOptions Defaults(string name) => (ObjectiveOptions)Activator.CreateInstance(TypeOf(name))! with { Name = name };

    /// <summary>Returns the type of an objective's options.</summary>
    /// <exception cref="ArgumentException">No objective has that name; the message lists those that exist.</exception>
    internal static Type TypeOf(string? name) => name is not null && Entries.TryGetValue(name, out ObjectiveEntry? entry)
        ? entry.Options
        : throw new ArgumentException($"unknown objective '{name}': expected one of {string.Join(", ", Entries.Keys.Order(StringComparer.Ordinal))}");
}

/// <summary>An entry of the registry.</summary>
/// <param name="Description">A few words that describe the objective in --help.</param>
/// <param name="Options">Type of the objective's options, derived from <see cref="ObjectiveOptions"/>.</param>
public sealed record ObjectiveEntry(string Description, Type Options);

/// <summary>Converts an objective's options to and from JSON; their name decides the type of the record.</summary>
internal sealed class ObjectiveOptionsConverter : JsonConverter<ObjectiveOptions>
{
    public override ObjectiveOptions Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        JsonObject node = JsonNode.Parse(ref reader) as JsonObject ?? throw new JsonException("the objective is not a JSON object");
        string? name = node[ObjectiveRegistry.NameKey] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
        return (ObjectiveOptions)node.Deserialize(ObjectiveRegistry.TypeOf(name), options)!;
    }

    public override void Write(Utf8JsonWriter writer, ObjectiveOptions value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, value.GetType(), options);
}
