using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Tables;

/// <summary>Rows as JSON, under the names of the columns of the CSV file; unknown values are left out.</summary>
internal static class JsonTable
{
    private const long MaxBytes = 256 << 20;

    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        RespectNullableAnnotations = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NameAsColumns } },
    };

    /// <summary>Writes {"schema": ..., "rows": [...]}.</summary>
    public static void Write<T>(string path, int schema, IReadOnlyList<T> rows) =>
        AtomicFile.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(new Document<T>(schema, rows), Format));

    /// <summary>Reads the rows of a file that <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidFileException">There is no such file, or it does not hold such rows.</exception>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        try
        {
            IReadOnlyList<T>? rows = JsonSerializer.Deserialize<Document<T>>(InputFile.ReadAllBytes(path, MaxBytes), Format)?.Rows;
            return rows is not null && rows.All(row => row is not null) ? rows : throw new InvalidFileException(path, "holds no rows");
        }
        catch (JsonException e)
        {
            // The serializer's own message names .NET types.
            string line = string.Create(CultureInfo.InvariantCulture, $"line {e.LineNumber + 1}");
            throw new InvalidFileException(path, e.LineNumber is null ? "is not JSON of rows" : $"{line} is not JSON of rows", e);
        }
    }

    /// <summary>Names the properties of a row like its columns, and removes those without a column.</summary>
    private static void NameAsColumns(JsonTypeInfo type)
    {
        if (!type.Properties.Any(property => ColumnOf(property) is not null))
            return;
        for (int i = type.Properties.Count - 1; i >= 0; i--)
        {
            if (ColumnOf(type.Properties[i]) is { } column)
                type.Properties[i].Name = column;
            else
                type.Properties.RemoveAt(i);
        }
    }

    private static string? ColumnOf(JsonPropertyInfo property) => (property.AttributeProvider as MemberInfo)?.GetCustomAttribute<NameAttribute>()?.Names[0];

    private sealed record Document<T>([property: JsonPropertyName("schema")] int Schema, [property: JsonPropertyName("rows")] IReadOnlyList<T> Rows);
}
