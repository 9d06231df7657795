using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TrigFlowNative.Training.Cli;

/// <summary>--set key=value: changes existing values of a configuration. A key is a dotted path, or the end of one if that is unique.</summary>
internal static class ConfigOverrides
{
    /// <summary>Applies settings in order to a JSON object.</summary>
    /// <exception cref="UsageException">A setting lacks '=', has an unknown or ambiguous key, or a value of another kind than the one it replaces.</exception>
    public static void Apply(JsonObject config, IEnumerable<string> settings)
    {
        foreach (string setting in settings)
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new UsageException($"--set takes key=value, not '{setting}'");
            Replace(config, setting[..equals].Trim(), setting[(equals + 1)..].Trim());
        }
    }

    private static void Replace(JsonObject config, string key, string text)
    {
        var leaves = new List<(string Path, JsonObject Parent, string Name)>();
        Collect(config, "", leaves);
        var matches = leaves.Where(leaf => leaf.Path == key).ToList();
        if (matches.Count == 0)
            matches = [.. leaves.Where(leaf => leaf.Path.EndsWith("." + key, StringComparison.Ordinal))];
        if (matches.Count == 0)
            throw new UsageException($"--set: there is no key '{key}'; --dry-run prints them all");
        if (matches.Count > 1)
            throw new UsageException($"--set: '{key}' could be {string.Join(" or ", matches.Select(match => match.Path))}");
        (string path, JsonObject parent, string name) = matches[0];
        JsonNode? value = Parse(path, text);
        JsonValueKind was = parent[name]?.GetValueKind() ?? JsonValueKind.Null, will = value?.GetValueKind() ?? JsonValueKind.Null;
        if (was == JsonValueKind.Number && will == JsonValueKind.String && NumberText.TryWhole(text, out Int128 whole))
            (value, will) = (JsonNode.Parse(whole.ToString(CultureInfo.InvariantCulture)), JsonValueKind.Number);
        if (was != JsonValueKind.Null && will != JsonValueKind.Null && Family(was) != Family(will))
            throw new UsageException($"--set: {path} must be {Describe(was)}, not '{text}'");
        parent[name] = value;
    }

    /// <summary>Parses text as JSON. Other text becomes a JSON string, so that names need no quotes.</summary>
    /// <exception cref="UsageException">The text is JSON with a key twice, or with text that is not valid Unicode.</exception>
    private static JsonNode? Parse(string path, string text)
    {
        try
        {
            JsonNode? node = JsonNode.Parse(text);
            _ = node?.ToJsonString();
            return node;
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new UsageException($"--set: {path} has a value that is not valid: {(e is ArgumentException ? "a key occurs twice" : "text that is not Unicode")}");
        }
    }

    private static void Collect(JsonObject node, string prefix, List<(string Path, JsonObject Parent, string Name)> leaves)
    {
        foreach ((string name, JsonNode? value) in node)
        {
            if (value is JsonObject inner)
                Collect(inner, $"{prefix}{name}.", leaves);
            else
                leaves.Add((prefix + name, node, name));
        }
    }

    private static JsonValueKind Family(JsonValueKind kind) => kind == JsonValueKind.False ? JsonValueKind.True : kind;

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Number => "a number",
        JsonValueKind.String => "a string",
        JsonValueKind.Array => "a list such as [1,2,2]",
        _ => "true or false",
    };
}
