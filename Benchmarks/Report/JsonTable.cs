using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>The rows of a run as JSON, by the same names as the columns of the CSV file; unknown values are left out.</summary>
internal static class JsonTable
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NameAsColumns } },
    };

    /// <summary>Writes {"schema": ..., "rows": [...]}.</summary>
    public static void Write(string path, IReadOnlyList<BenchmarkRow> rows) =>
        AtomicFile.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(new RunRecord(BenchmarkRow.CurrentSchema, rows), Format));

    /// <summary>The rows of such a file.</summary>
    internal static IReadOnlyList<BenchmarkRow> Read(string path) => JsonSerializer.Deserialize<RunRecord>(File.ReadAllBytes(path), Format)!.Rows;

    private static void NameAsColumns(JsonTypeInfo type)
    {
        if (type.Type != typeof(BenchmarkRow))
            return;
        for (int i = type.Properties.Count - 1; i >= 0; i--)
        {
            if (type.Properties[i].AttributeProvider is MemberInfo member && member.GetCustomAttribute<NameAttribute>() is { } name)
                type.Properties[i].Name = name.Names[0];
            else
                type.Properties.RemoveAt(i);
        }
    }

    private sealed record RunRecord([property: JsonPropertyName("schema")] int Schema, [property: JsonPropertyName("rows")] IReadOnlyList<BenchmarkRow> Rows);
}
