using System.Globalization;

namespace TrigFlowNative.Benchmarks.Tables;

/// <summary>A Markdown table that is readable as plain text: columns are padded to their widest entry, and numbers are aligned right.</summary>
internal sealed class MarkdownTable(params string[] headers)
{
    private const int MaxDecimals = 6;
    private readonly List<string[]> rows = [];

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
        IEnumerable<string> lines =
        [
            Line(headers),
            "|" + string.Concat(widths.Select((width, i) => numeric[i] ? new string('-', width + 1) + ":|" : new string('-', width + 2) + "|")),
            .. rows.Select(Line),
        ];
        return string.Join('\n', lines) + "\n";

        string Line(string[] entries) =>
            "|" + string.Concat(entries.Select((entry, i) => $" {(numeric[i] ? entry.PadLeft(widths[i]) : entry.PadRight(widths[i]))} |"));
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
