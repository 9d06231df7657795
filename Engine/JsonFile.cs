using System.Text.Json;

namespace TrigFlowNative.Engine;

/// <summary>Configuration as JSON, read strictly: unknown and duplicate keys, missing required values and comments are refused.</summary>
public static class JsonFile
{
    private const long MaxLength = 16L << 20;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerOptions.Strict)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    /// <summary>Reads a file of at most 16 MiB as <typeparamref name="T"/>; keys are the members' names in snake_case.</summary>
    /// <exception cref="InvalidFileException">The file is absent, not JSON, or does not fit <typeparamref name="T"/>.</exception>
    public static T Read<T>(string path) => Parse<T>(path, InputFile.ReadAllBytes(path, MaxLength));

    /// <summary>Reads UTF-8 JSON that was found in the file <paramref name="path"/>.</summary>
    /// <exception cref="InvalidFileException">The text is not JSON or does not fit <typeparamref name="T"/>.</exception>
    public static T Parse<T>(string path, ReadOnlySpan<byte> utf8)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(utf8, Options) ?? throw new InvalidFileException(path, "holds JSON null");
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(path, $"invalid JSON: {e.Message}", e);
        }
    }

    /// <summary>The UTF-8 JSON of <paramref name="value"/>, indented, as <see cref="Read"/> accepts it.</summary>
    public static byte[] Format<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    /// <summary>Writes <paramref name="value"/> through <see cref="AtomicFile"/>.</summary>
    public static void Write<T>(string path, T value) => AtomicFile.WriteAllBytes(path, Format(value));
}
