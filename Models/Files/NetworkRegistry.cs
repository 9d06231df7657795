using System.Collections.Concurrent;
using System.Text.Json;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Reads a network's configuration from the JSON of a file; throws <see cref="InvalidFileException"/> if the text holds none.</summary>
/// <param name="path">The file in which the text was found, for messages.</param>
/// <param name="json">The text.</param>
public delegate NetworkConfig NetworkReader(string path, string json);

/// <summary>The architectures that files may name, one line each. A program adds its own before it opens a file that names it.</summary>
public static class NetworkRegistry
{
    private static readonly ConcurrentDictionary<string, NetworkReader> Readers = new(StringComparer.Ordinal)
    {
        [DdpmppConfig.Word] = DdpmppConfig.FromJson,
        [Edm2Config.Word] = Edm2Config.FromJson,
    };

    /// <summary>Registers an architecture.</summary>
    /// <param name="architecture">Name of the architecture in files.</param>
    /// <param name="reader">Reads its configuration.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public static void Add(string architecture, NetworkReader reader)
    {
        if (!Readers.TryAdd(architecture, reader))
            throw new ArgumentException($"the architecture '{architecture}' is known already");
    }

    /// <summary>Reads the configuration of a network of any registered architecture.</summary>
    /// <param name="path">The file in which the text was found, for messages.</param>
    /// <param name="json">A JSON object with the key "architecture".</param>
    /// <exception cref="InvalidFileException">The text is not JSON, names no registered architecture, or is not a configuration of it.</exception>
    public static NetworkConfig Read(string path, string json)
    {
        string word = ArchitectureOf(path, json);
        return Readers.TryGetValue(word, out NetworkReader? reader)
            ? reader(path, json)
            : throw new InvalidFileException(path, $"the architecture is '{word}', expected {string.Join(" or ", Readers.Keys.Order(StringComparer.Ordinal))}");
    }

    private static string ArchitectureOf(string path, string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("architecture", out JsonElement word)
                && word.ValueKind == JsonValueKind.String
                ? word.GetString()!
                : throw new InvalidFileException(path, "config: names no architecture");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for a string that is no Unicode
        {
            throw new InvalidFileException(path, "config: is not valid JSON", e);
        }
    }
}
