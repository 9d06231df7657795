using System.Text.Json;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>Reads EDM's <c>dataset.json</c>: {"labels": [["00000/img00000000.png", 6], ...]}, or null instead of the array for no labels.</summary>
internal static class DatasetLabels
{
    internal const string FileName = "dataset.json";

    /// <summary>Largest size of the file in bytes, enough for some four million labels.</summary>
    internal const long MaxBytes = 256 << 20;

    private const int MaxLabel = 1 << 16;

    /// <summary>Returns the class of every image in <paramref name="names"/>; null if the file has no labels.</summary>
    /// <param name="path">The file, or the archive that holds it, for messages.</param>
    /// <param name="json">The file's bytes.</param>
    /// <param name="names">Names of all images.</param>
    /// <exception cref="InvalidFileException">The file is malformed, or its names are not exactly those of the images.</exception>
    internal static int[]? Parse(string path, byte[] json, IReadOnlyList<string> names)
    {
        Dictionary<string, int>? labels;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            labels = ReadPairs(document.RootElement, reason => Refuse(path, reason));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Refuse(path, $"is not valid JSON ({e.Message})", e);
        }

        if (labels is null)
            return null;
        int[] result = new int[names.Count];
        for (int i = 0; i < result.Length; i++)
        {
            if (!labels.Remove(names[i], out result[i]))
                throw Refuse(path, $"has no label for '{names[i]}'");
        }

        return labels.Count == 0 ? result : throw Refuse(path, $"labels '{labels.Keys.First()}', which is missing");
    }

    private static Dictionary<string, int>? ReadPairs(JsonElement root, Func<string, InvalidFileException> refuse)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw refuse("is not a JSON object");
        if (!root.TryGetProperty("labels", out JsonElement pairs) || pairs.ValueKind == JsonValueKind.Null)
            return null;
        if (pairs.ValueKind != JsonValueKind.Array)
            throw refuse("has labels that are not an array");
        Dictionary<string, int> labels = new(StringComparer.Ordinal);
        foreach (JsonElement pair in pairs.EnumerateArray())
        {
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2 || pair[0].ValueKind != JsonValueKind.String)
                throw refuse("has a label that is not a pair of name and class");
            string name = pair[0].GetString()!.Replace('\\', '/');
            if (pair[1].ValueKind != JsonValueKind.Number || !pair[1].TryGetInt32(out int label) || label < 0 || label > MaxLabel)
                throw refuse($"gives '{name}' a class that is not a whole number from 0 to {MaxLabel}");
            if (!labels.TryAdd(name, label))
                throw refuse($"labels '{name}' twice");
        }

        return labels;
    }

    private static InvalidFileException Refuse(string path, string reason, Exception? inner = null)
    {
        // For a file in an archive the message names the archive, so the reason must name the file.
        bool named = Path.GetFileName(path) == FileName;
        return new InvalidFileException(path, named ? reason : $"{FileName} {reason}", inner);
    }
}
