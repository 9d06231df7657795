using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace TrigFlowNative.Engine;

/// <summary>
/// Configuration as JSON. Reading is strict: unknown, duplicate and missing keys are refused by name, at every depth. Keys are the members'
/// names in snake_case; a constructor parameter without a default value is a required key.
/// </summary>
public static class JsonFile
{
    private const long MaxBytes = 16L << 20;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerOptions.Strict)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    /// <summary>Reads a file of at most 16 MiB as <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, not JSON, or does not fit <typeparamref name="T"/>.</exception>
    public static T Read<T>(string path) => Parse<T>(path, InputFile.ReadAllBytes(path, MaxBytes));

    /// <summary>Parses UTF-8 JSON that was found in the file <paramref name="path"/>, such as a safetensors file's metadata.</summary>
    /// <exception cref="InvalidFileException">The text is not JSON or does not fit <typeparamref name="T"/>.</exception>
    public static T Parse<T>(string path, ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8);

            // First, because the serializer's messages name .NET types where a person needs the key.
            CheckKeys(path, document.RootElement, Options.GetTypeInfo(typeof(T)), prefix: "");
            return document.Deserialize<T>(Options) ?? throw new InvalidFileException(path, "holds JSON null");
        }
        catch (JsonException e) when (e.Path?.StartsWith("$.", StringComparison.Ordinal) == true)
        {
            throw new InvalidFileException(path, $"the value of '{e.Path[2..]}' does not fit", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidFileException(path, $"is not valid JSON ({e.Message})", e);
        }
    }

    /// <summary>Formats <paramref name="value"/> as indented UTF-8 JSON that <see cref="Read"/> accepts.</summary>
    public static byte[] Format<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    /// <summary>Writes <paramref name="value"/> through <see cref="AtomicFile"/>.</summary>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="IOException">The disk is full, or another writer is writing the same path.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Write<T>(string path, T value) => AtomicFile.WriteAllBytes(path, Format(value));

    private static void CheckKeys(string path, JsonElement element, JsonTypeInfo type, string prefix)
    {
        if (type.Kind != JsonTypeInfoKind.Object || element.ValueKind == JsonValueKind.Null)
            return;
        if (element.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(path, prefix.Length == 0 ? "is not a JSON object" : $"'{prefix.TrimEnd('.')}' is not a JSON object");
        HashSet<string> keys = new(StringComparer.Ordinal);
        foreach (JsonProperty property in element.EnumerateObject())
        {
            JsonPropertyInfo known = type.Properties.FirstOrDefault(info => info.Name == property.Name)
                ?? throw new InvalidFileException(path, $"unknown key '{prefix}{property.Name}'");
            if (!keys.Add(property.Name))
                throw new InvalidFileException(path, $"duplicate key '{prefix}{property.Name}'");
            CheckKeys(path, property.Value, Options.GetTypeInfo(known.PropertyType), $"{prefix}{property.Name}.");
        }

        if (type.Properties.FirstOrDefault(info => info.IsRequired && !keys.Contains(info.Name)) is JsonPropertyInfo missing)
            throw new InvalidFileException(path, $"missing key '{prefix}{missing.Name}'");
    }
}
