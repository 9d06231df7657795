using System.Text.Json;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Reads EDM's <c>dataset.json</c>: {"labels": [["00000/img00000000.png", 6], ...]}, or null instead of the array for no labels. Beside it there may be the names of
/// the classes, {"class_names": ["cat", ...]}, which EDM's tools pass over.
/// </summary>
/// <remarks>
/// The file is walked token by token. Every pair must name another image, so that the first pair too many ends the reading, and memory depends on
/// the number of images alone. A byte order mark in front is passed over. A name that no image has exactly is looked for in its canonical form, since
/// macOS takes accents apart where other systems keep them in one character.
/// </remarks>
internal ref struct DatasetLabels
{
    internal const string FileName = "dataset.json", NamesKey = "class_names";

    /// <summary>Largest size of the file in bytes, enough for some four million labels.</summary>
    internal const long MaxBytes = 256 << 20;

    private const int MaxLabel = 1 << 16;

    /// <summary>Most bytes of a class's name in JSON: 255 characters, as a name of a folder may have, each written as an escape.</summary>
    private const int MaxNameBytes = 6 * 255;
    private const int Missing = -1;

    private readonly string path;
    private readonly ImageNames names;
    private Utf8JsonReader json;

    private DatasetLabels(string path, ReadOnlySpan<byte> json, IReadOnlyList<string> names)
    {
        this.path = path;
        this.names = new ImageNames(names);
        this.json = new Utf8JsonReader(json.StartsWith("\uFEFF"u8) ? json[3..] : json);
    }

    /// <summary>Returns the class of every image in <paramref name="names"/>; null if the file has no labels.</summary>
    /// <param name="path">The file, or the archive that holds it, for messages.</param>
    /// <param name="json">The file's bytes.</param>
    /// <param name="names">Names of all images.</param>
    /// <exception cref="InvalidFileException">The file is malformed, or its names are not exactly those of the images.</exception>
    internal static int[]? Parse(string path, byte[] json, IReadOnlyList<string> names) => Parse(path, json, names, out _);

    /// <summary>The same, with the names of the classes in the order of their numbers; none if the file has none. There may be more names than classes with images.</summary>
    internal static int[]? Parse(string path, byte[] json, IReadOnlyList<string> names, out IReadOnlyList<string> classNames)
    {
        try
        {
            return new DatasetLabels(path, json, names).ReadObject(names, out classNames);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Refuse(path, $"is not valid JSON ({e.Message})", e);
        }
    }

    private int[]? ReadObject(IReadOnlyList<string> all, out IReadOnlyList<string> classNames)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
            throw Refuse(path, "is not a JSON object");
        int[]? labels = null;
        List<string>? found = null;
        bool seen = false;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool ours = json.ValueTextEquals("labels"u8), theirNames = json.ValueTextEquals(NamesKey);
            json.Read();
            if (theirNames && json.TokenType == JsonTokenType.StartArray)
            {
                found = found is null ? ReadNames() : throw Refuse(path, $"has the key '{NamesKey}' twice");
                continue;
            }

            if (!ours)
            {
                json.Skip();
                continue;
            }

            if (seen)
                throw Refuse(path, "has the key 'labels' twice");
            seen = true;
            labels = json.TokenType == JsonTokenType.Null ? null : ReadPairs(all);
        }

        // One token behind the end makes the reader look for text that doesn't belong there.
        json.Read();
        classNames = labels is null || found is null ? [] : found;
        if (classNames.Count > 0 && labels!.Max() is int last && last >= classNames.Count)
            throw Refuse(path, $"names {classNames.Count} classes, but an image is of class {last}");
        return labels;
    }

    private List<string> ReadNames()
    {
        List<string> found = [];
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.String || json.ValueSpan.Length > MaxNameBytes)
                throw Refuse(path, $"has {NamesKey} that are not an array of names");
            if (found.Count > MaxLabel)
                throw Refuse(path, $"names more than {MaxLabel + 1} classes");
            found.Add(json.GetString()!);
        }

        return found;
    }

    private int[] ReadPairs(IReadOnlyList<string> all)
    {
        if (json.TokenType != JsonTokenType.StartArray)
            throw Refuse(path, "has labels that are not an array");
        int[] labels = new int[all.Count];
        Array.Fill(labels, Missing);
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.StartArray || !json.Read() || json.TokenType != JsonTokenType.String)
                throw Refuse(path, "has a label that is not a pair of name and class");
            string name = json.GetString()!.Replace('\\', '/');
            json.Read();
            if (json.TokenType == JsonTokenType.EndArray)
                throw Refuse(path, "has a label that is not a pair of name and class");
            int label = -1;
            bool usable = json.TokenType == JsonTokenType.Number && json.TryGetInt32(out label) && label is >= 0 and <= MaxLabel;
            json.Skip();
            json.Read();
            if (json.TokenType != JsonTokenType.EndArray)
                throw Refuse(path, "has a label that is not a pair of name and class");
            if (!usable)
                throw Refuse(path, $"gives '{name}' a class that is not a whole number from 0 to {MaxLabel}");
            ref int place = ref labels[PlaceOf(name)];
            place = place == Missing ? label : throw Refuse(path, $"labels '{name}' twice");
        }

        int unlabelled = Array.IndexOf(labels, Missing);
        return unlabelled < 0 ? labels : throw Refuse(path, $"has no label for '{all[unlabelled]}'");
    }

    private readonly int PlaceOf(string name) => names.Find(name) switch
    {
        ImageNames.Absent => throw Refuse(path, $"labels '{name}', which is missing"),
        ImageNames.Ambiguous => throw Refuse(path, $"labels '{name}', but several images have this name in other Unicode forms and none in this one"),
        int place => place,
    };

    private static InvalidFileException Refuse(string path, string reason, Exception? inner = null)
    {
        // For a file in an archive the message names the archive, so the reason must name the file.
        bool named = Path.GetFileName(path) == FileName;
        return new InvalidFileException(path, named ? reason : $"{FileName} {reason}", inner);
    }
}
