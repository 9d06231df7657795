using System.Globalization;

namespace TrigFlowNative.Training.Data;

/// <summary>Counts what is left out of a data set, by reason and kind.</summary>
internal sealed class LeftOutTally
{
    private const int KindsShown = 4;

    private readonly SortedDictionary<LeftOutReason, Row> rows = [];

    /// <summary>Counts one file, folder or class.</summary>
    /// <param name="reason">Why it is left out.</param>
    /// <param name="name">Its name.</param>
    /// <param name="kind">What the count is divided by in the detail, such as an extension; null if there are no kinds.</param>
    internal void Add(LeftOutReason reason, string name, string? kind = null)
    {
        if (!rows.TryGetValue(reason, out Row? row))
            rows.Add(reason, row = new Row { Example = name });
        row.Count++;
        if (string.CompareOrdinal(name, row.Example) < 0)
            row.Example = name;
        if (kind is not null)
            row.Kinds[kind] = row.Kinds.GetValueOrDefault(kind) + 1;
    }

    /// <summary>Counts a class without images, of which all are named in the order of their numbers, as far as there is room.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="holds">What it holds instead, in words; empty for nothing.</param>
    internal void AddEmptyClass(string name, string holds)
    {
        if (!rows.TryGetValue(LeftOutReason.EmptyClass, out Row? row))
            rows.Add(LeftOutReason.EmptyClass, row = new Row { Example = name });
        row.Count++;
        row.Listed.Add(holds.Length > 0 ? $"{name}: {holds}" : name);
    }

    /// <summary>The counts, in the order of the reasons.</summary>
    internal IReadOnlyList<LeftOut> ToList() => [.. rows.Select(row => new LeftOut(row.Key, row.Value.Count, row.Value.Example) { Detail = row.Value.Detail })];

    /// <summary>Counts by kind in words, the most frequent first: ".webp 16, .bmp 2".</summary>
    internal static string Words(IReadOnlyDictionary<string, int> kinds) => Abbreviate([.. kinds
        .OrderByDescending(kind => kind.Value).ThenBy(kind => kind.Key, StringComparer.Ordinal)
        .Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Key} {kind.Value:N0}"))]);

    private static string Abbreviate(IReadOnlyList<string> words) => words.Count <= KindsShown
        ? string.Join(", ", words)
        : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", words.Take(KindsShown - 1))} and {words.Count - KindsShown + 1:N0} more");

    private sealed class Row
    {
        internal required string Example { get; set; }

        internal int Count { get; set; }

        internal Dictionary<string, int> Kinds { get; } = new(StringComparer.Ordinal);

        internal List<string> Listed { get; } = [];

        internal string Detail => Listed.Count > 0 ? Abbreviate(Listed) : Words(Kinds);
    }
}
