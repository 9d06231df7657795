using System.Globalization;

namespace TrigFlowNative.Benchmarks.Tables;

/// <summary>A Markdown table that is readable as plain text: columns are padded to their widest entry, and numbers are aligned right.</summary>
internal sealed class MarkdownTable(params string[] headers)
{
    private const int MaxDecimals = 6;
    private readonly List<string[]> rows = [];

    /// <summary>Whether columns in which no row has an entry are left out.</summary>
    public bool OmitsUnknown { get; init; }

    /// <summary>Number of rows added.</summary>
    public int RowCount => rows.Count;

    /// <summary>Adds a row with one entry for each header. Numbers have three significant digits, above a thousand no decimals; null is a dash.</summary>
    /// <exception cref="ArgumentException">There are more or fewer entries than headers.</exception>
    public MarkdownTable Add(params object?[] entries)
    {
        if (entries.Length != headers.Length)
            throw new ArgumentException($"{entries.Length} entries for {headers.Length} columns");
        rows.Add([.. entries.Select(Text)]);
        return this;
    }

    public override string ToString()
    {
        int[] widths = [.. headers.Select((header, i) => rows.Select(row => row[i].Length).Append(header.Length).Max())];
        bool[] numeric = [.. headers.Select((_, i) => rows.Count > 0 && rows.All(row => row[i] is "-" || char.IsDigit(row[i][^1]) && char.IsDigit(row[i][0])))];
        int[] shown = [.. headers.Index().Select(header => header.Index).Where(i => !OmitsUnknown || rows.Any(row => row[i] != "-"))];
        IEnumerable<string> lines =
        [
            Line(headers),
            "|" + string.Concat(shown.Select(i => numeric[i] ? new string('-', widths[i] + 1) + ":|" : new string('-', widths[i] + 2) + "|")),
            .. rows.Select(Line),
        ];
        return string.Join('\n', lines) + "\n";

        string Line(string[] entries) =>
            "|" + string.Concat(shown.Select(i => $" {(numeric[i] ? entries[i].PadLeft(widths[i]) : entries[i].PadRight(widths[i]))} |"));
    }

    private static string Text(object? entry) => entry switch
    {
        null => "-",
        double value when !double.IsFinite(value) => "-",
        0.0 => "0",
        double value => value.ToString($"F{Math.Clamp(2 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, MaxDecimals)}", CultureInfo.InvariantCulture),
        _ => Convert.ToString(entry, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text.Replace("|", "/", StringComparison.Ordinal) : "-",
    };
}
