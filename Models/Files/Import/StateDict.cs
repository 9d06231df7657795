namespace TrigFlowNative.Models;

/// <summary>A dictionary of tensors in a file's value: the value itself, or one that training programs wrap together with settings.</summary>
/// <param name="Key">Under what key it was found; empty for the value itself.</param>
/// <param name="Tensors">Names and records, in the file's order.</param>
/// <param name="Skipped">Values beside them, in it and around it, that are no tensors.</param>
internal sealed record StateDict(string Key, IReadOnlyList<(string Name, PickleValue Value)> Tensors, int Skipped)
{
    /// <summary>Finds the dictionary.</summary>
    /// <param name="file">The file.</param>
    /// <param name="root">Its value.</param>
    /// <param name="key">The key under which it is; null if there is no choice.</param>
    /// <exception cref="Engine.InvalidFileException">There is none, none under the key, or several without a key; the message lists them.</exception>
    public static StateDict Find(FileBytes file, PickleValue root, string? key)
    {
        if (PickleCall.MapOf(root) is not { } map)
            throw file.Refuse($"holds {root.Words}, expected a dictionary of tensors");
        string[] candidates = [.. map.Texts.Where(entry => HoldsTensors(entry.Value)).Select(entry => entry.Name)];
        if (key is not null)
        {
            return candidates.Contains(key)
                ? Of(key, PickleCall.MapOf(map.Find(key))!, map.Entries.Count - 1)
                : throw file.Refuse($"has no tensors under the key '{key}'{(candidates.Length > 0 ? $"; those that have some are {Listed(candidates)}" : HoldsTensors(map) ? ": the tensors lie at the top, without a key" : "")}");
        }

        if (HoldsTensors(map))
            return Of("", map, 0);
        return candidates.Length switch
        {
            0 => throw file.Refuse("holds no dictionary of tensors"),
            1 => Of(candidates[0], PickleCall.MapOf(map.Find(candidates[0]))!, map.Entries.Count - 1),
            _ => throw file.Refuse($"holds several dictionaries of tensors: name one by --key, of {Listed(candidates)}"),
        };
    }

    private static StateDict Of(string key, PickleMap map, int around)
    {
        (string Name, PickleValue Value)[] tensors = [.. map.Texts.Where(entry => TorchTensors.Is(entry.Value))];
        return new StateDict(key, tensors, map.Entries.Count - tensors.Length + around);
    }

    private static bool HoldsTensors(PickleValue value) => PickleCall.MapOf(value) is { } map && map.Texts.Any(entry => TorchTensors.Is(entry.Value));

    private static string Listed(string[] keys) => string.Join(", ", keys.Take(12)) + (keys.Length > 12 ? ", ..." : "");
}
