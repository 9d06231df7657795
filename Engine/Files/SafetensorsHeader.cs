using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace TrigFlowNative.Engine;

/// <summary>The JSON header of a safetensors file: strict reading and deterministic writing.</summary>
internal static class SafetensorsHeader
{
    /// <summary>Size of the little-endian length in front of the header.</summary>
    internal const int PrefixBytes = 8;

    /// <summary>The format's own limit of the header's length.</summary>
    internal const int MaxBytes = 100_000_000;

    /// <summary>
    /// Largest length of a header that is accepted, enough for 100,000 tensors: read, a header takes up to 20 times its length in memory.
    /// </summary>
    internal const int MaxAcceptedBytes = 16 << 20;

    private const string MetadataKey = "__metadata__";

    /// <summary>Reads and checks a header. Tensors are returned in the order of their data.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header with its padding, without its length prefix.</param>
    /// <param name="dataLength">Number of bytes behind the header, which the tensors must cover exactly.</param>
    /// <exception cref="InvalidFileException">The header is malformed, or its tensors do not cover the data.</exception>
    internal static (List<SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(
        string path, ReadOnlyMemory<byte> json, long dataLength)
    {
        if (json.IsEmpty || json.Span[0] != (byte)'{')
            throw new InvalidFileException(path, "the header is not a JSON object");
        using JsonDocument document = ParseJson(path, json);
        List<SafetensorsEntry> entries = [];
        Dictionary<string, string>? metadata = null;
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            string name = NameOf(path, property);
            if (!names.Add(name))
                throw new InvalidFileException(path, $"duplicate key '{name}' in the header");
            if (name == MetadataKey)
                metadata = ParseMetadata(path, property.Value);
            else
                entries.Add(ParseEntry(path, name, property.Value, dataLength));
        }

        entries.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset)
            : a.ByteLength != b.ByteLength ? a.ByteLength.CompareTo(b.ByteLength) : string.CompareOrdinal(a.Name, b.Name));
        CheckCover(path, entries, dataLength);
        return (entries, metadata ?? []);
    }

    /// <summary>Formats the head of a file: length prefix, JSON, and spaces up to a multiple of 8 bytes.</summary>
    internal static byte[] Format(IEnumerable<SafetensorsEntry> entries, SortedDictionary<string, string> metadata)
    {
        ArrayBufferWriter<byte> buffer = new();

        // Relaxed escaping: quotes of JSON inside the metadata stay readable.
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach ((string key, string value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            foreach (SafetensorsEntry entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", entry.Type.FileName());
                WriteNumbers(json, "shape", entry.Shape.AsSpan());
                WriteNumbers(json, "data_offsets", [entry.Offset, entry.Offset + entry.ByteLength]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        int length = (buffer.WrittenCount + 7) / 8 * 8;
        if (length > MaxAcceptedBytes)
            throw new InvalidOperationException($"a header of {length} bytes exceeds the limit of {MaxAcceptedBytes}");
        byte[] head = new byte[PrefixBytes + length];
        BitConverter.TryWriteBytes(head, (long)length);
        buffer.WrittenSpan.CopyTo(head.AsSpan(PrefixBytes));
        head.AsSpan(PrefixBytes + buffer.WrittenCount).Fill((byte)' ');
        return head;
    }

    /// <summary>Whether a tensor may have this name.</summary>
    internal static bool IsTensorName(string name) => name.Length > 0 && name != MetadataKey;

    private static JsonDocument ParseJson(string path, ReadOnlyMemory<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(path, $"the header is not JSON: {e.Message}", e);
        }
    }

    private static string NameOf(string path, JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidFileException(path, "a name in the header is not valid Unicode", e);
        }
    }

    private static string? TextOf(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static Dictionary<string, string> ParseMetadata(string path, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(path, $"{MetadataKey} is not an object");
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        foreach (JsonProperty property in value.EnumerateObject())
        {
            string key = NameOf(path, property);
            string text = TextOf(property.Value) ?? throw new InvalidFileException(path, $"the metadata '{key}' is not a string");
            if (!metadata.TryAdd(key, text))
                throw new InvalidFileException(path, $"duplicate key '{key}' in {MetadataKey}");
        }

        return metadata;
    }

    private static SafetensorsEntry ParseEntry(string path, string name, JsonElement value, long dataLength)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw new InvalidFileException(path, $"tensor '{name}' is not described by an object");
        SafetensorsType? type = null;
        ImmutableArray<long>? shape = null;
        ImmutableArray<long>? offsets = null;
        foreach (JsonProperty property in value.EnumerateObject())
        {
            string key = NameOf(path, property);
            bool repeated = key switch
            {
                "dtype" => Set(ref type, ParseType(path, name, property.Value)),
                "shape" => Set(ref shape, ParseNumbers(path, name, key, property.Value)),
                "data_offsets" => Set(ref offsets, ParseNumbers(path, name, key, property.Value)),
                _ => throw new InvalidFileException(path, $"tensor '{name}' has an unknown key '{key}'"),
            };
            if (repeated)
                throw new InvalidFileException(path, $"tensor '{name}' has a duplicate key '{key}'");
        }

        if (type is null || shape is null || offsets is null)
            throw new InvalidFileException(path, $"tensor '{name}' lacks one of dtype, shape, data_offsets");
        return CheckEntry(path, name, type.Value, shape.Value, offsets.Value, dataLength);
    }

    private static bool Set<T>(ref T? slot, T value)
        where T : struct
    {
        bool repeated = slot is not null;
        slot = value;
        return repeated;
    }

    private static SafetensorsType ParseType(string path, string name, JsonElement value)
    {
        string text = TextOf(value) ?? throw new InvalidFileException(path, $"the dtype of tensor '{name}' is not a string");
        return SafetensorsTypes.TryParse(text, out SafetensorsType type)
            ? type
            : throw new InvalidFileException(path, $"tensor '{name}' has an unknown dtype '{text}'");
    }

    private static ImmutableArray<long> ParseNumbers(string path, string name, string key, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw new InvalidFileException(path, $"{key} of tensor '{name}' is not an array");
        ImmutableArray<long>.Builder numbers = ImmutableArray.CreateBuilder<long>(value.GetArrayLength());
        foreach (JsonElement element in value.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out long number))
                throw new InvalidFileException(path, $"{key} of tensor '{name}' holds a value that is not a 64-bit integer");
            if (number < 0)
                throw new InvalidFileException(path, $"{key} of tensor '{name}' holds a negative number");
            numbers.Add(number);
        }

        return numbers.MoveToImmutable();
    }

    private static SafetensorsEntry CheckEntry(
        string path, string name, SafetensorsType type, ImmutableArray<long> shape, ImmutableArray<long> offsets, long dataLength)
    {
        if (offsets.Length != 2)
            throw new InvalidFileException(path, $"data_offsets of tensor '{name}' are not two numbers");
        (long begin, long end) = (offsets[0], offsets[1]);
        if (begin > end)
            throw new InvalidFileException(path, $"data_offsets of tensor '{name}' run backwards, from {begin} to {end}");
        if (end > dataLength)
            throw new InvalidFileException(path, $"tensor '{name}' ends at byte {end} of {dataLength}: the file is truncated or its header is wrong");
        if (!SafetensorsEntry.TryMeasure(shape.AsSpan(), type, out long byteLength))
            throw new InvalidFileException(path, $"the shape of tensor '{name}' overflows");
        if (byteLength != end - begin)
        {
            throw new InvalidFileException(path,
                $"tensor '{name}' of {type.FileName()} {SafetensorsEntry.FormatShape(shape.AsSpan())} needs {byteLength} bytes, data_offsets give {end - begin}");
        }

        return new SafetensorsEntry(name, type, shape, begin, byteLength);
    }

    // Every byte must belong to exactly one entry; the entries are sorted by offset.
    private static void CheckCover(string path, List<SafetensorsEntry> entries, long dataLength)
    {
        long covered = 0;
        string previous = "";
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Offset < covered)
                throw new InvalidFileException(path, $"tensors '{previous}' and '{entry.Name}' overlap");
            if (entry.Offset > covered)
                throw new InvalidFileException(path, $"a hole of {entry.Offset - covered} bytes before tensor '{entry.Name}'");
            covered += entry.ByteLength;
            previous = entry.Name;
        }

        if (covered != dataLength)
            throw new InvalidFileException(path, $"{dataLength - covered} bytes behind the last tensor");
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }
}
