namespace TrigFlowNative.Models;

/// <summary>A dictionary in the order of its keys, which are texts almost always; other keys are kept, but not found.</summary>
internal sealed class PickleMap : PickleValue
{
    private readonly Dictionary<string, PickleValue> byText = new(StringComparer.Ordinal);

    /// <summary>All entries in the order in which they were added.</summary>
    public List<(PickleValue Key, PickleValue Value)> Entries { get; } = [];

    public override string Words => $"a dictionary of {Entries.Count}";

    /// <summary>The entries whose keys are texts.</summary>
    public IEnumerable<(string Name, PickleValue Value)> Texts =>
        from entry in Entries where entry.Key is PickleText select (((PickleText)entry.Key).Value, entry.Value);

    /// <summary>The value of a key that is a text; null if there is none.</summary>
    public PickleValue? Find(string key) => byText.GetValueOrDefault(key);

    /// <summary>Adds an entry; false if its key is there already.</summary>
    public bool TryAdd(PickleValue key, PickleValue value)
    {
        if (key is PickleText text && !byText.TryAdd(text.Value, value))
            return false;
        Entries.Add((key, value));
        return true;
    }
}
