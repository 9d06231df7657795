using System.Globalization;
using System.Text;
using System.Text.Json;

namespace TrigFlowNative.Models;

/// <summary>The rules for names of classes, and their form in files: a JSON array of strings.</summary>
public static class ClassNames
{
    /// <summary>Length of the longest name, in UTF-16 units.</summary>
    public const int MaxLength = 255;

    /// <summary>Returns in one line what is wrong with names of classes; null if nothing is.</summary>
    /// <param name="names">The names; none at all is right for any network.</param>
    /// <param name="labelCount">Number of classes of the network.</param>
    public static string? Fault(IReadOnlyList<string?> names, int labelCount)
    {
        ArgumentNullException.ThrowIfNull(names);
        if (names.Count != 0 && names.Count != labelCount)
            return $"there are {names.Count} names of classes, but the network has {labelCount} classes (label_dim)";
        HashSet<string> known = new(StringComparer.Ordinal);
        foreach ((int index, string? name) in names.Index())
        {
            if (name is not { Length: > 0 and <= MaxLength })
                return $"the name of class {index} has {name?.Length ?? 0} characters, expected 1 to {MaxLength}";
            if (!IsPrintable(name))
                return $"the name of class {index} holds a control character or half a character";
            if (!known.Add(name))
                return $"two classes are called '{name}'";
        }

        return null;
    }

    /// <summary>Formats names as a JSON array.</summary>
    internal static string Format(IReadOnlyList<string> names)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartArray();
            foreach (string name in names)
                writer.WriteStringValue(name);
            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Reads the output of <see cref="Format"/>; false if the text is not a JSON array of strings.</summary>
    internal static bool TryParse(string text, out string?[] names)
    {
        names = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Array || document.RootElement.EnumerateArray().Any(each => each.ValueKind != JsonValueKind.String))
                return false;
            names = [.. document.RootElement.EnumerateArray().Select(each => each.GetString())];
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for half a character
        {
            return false;
        }
    }

    private static bool IsPrintable(string name)
    {
        foreach (Rune rune in name.EnumerateRunes()) // half a character becomes the replacement character
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                return false;
        return !name.Any(char.IsSurrogate) || Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(name)) == name;
    }
}
