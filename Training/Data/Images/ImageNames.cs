using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>Finds images by name: exactly, or else by <see cref="CanonicalText"/>.</summary>
internal sealed class ImageNames
{
    /// <summary>No image has the name.</summary>
    internal const int Absent = -1;

    /// <summary>Several images have the name, each in another Unicode form.</summary>
    internal const int Ambiguous = -2;

    private readonly IReadOnlyList<string> names;
    private readonly Dictionary<string, int> exact;
    private Dictionary<string, int>? canonical;

    internal ImageNames(IReadOnlyList<string> names)
    {
        this.names = names;
        exact = new Dictionary<string, int>(names.Count, StringComparer.Ordinal);
        for (int i = 0; i < names.Count; i++)
            exact.TryAdd(names[i], i);
    }

    /// <summary>Returns the index of a name, <see cref="Absent"/> or <see cref="Ambiguous"/>.</summary>
    internal int Find(string name) => exact.TryGetValue(name, out int index) ? index
        : (canonical ??= Canonical()).TryGetValue(CanonicalText.Of(name), out index) ? index : Absent;

    private Dictionary<string, int> Canonical()
    {
        Dictionary<string, int> all = new(names.Count, StringComparer.Ordinal);
        for (int i = 0; i < names.Count; i++)
        {
            string name = CanonicalText.Of(names[i]);
            if (!all.TryAdd(name, i))
                all[name] = Ambiguous;
        }

        return all;
    }
}
