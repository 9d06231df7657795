using System.Globalization;
using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>Compares a run with an older one: rows that became faster or slower by more than the measured noise, and rows that are no longer right.</summary>
/// <remarks>
/// Two rows are compared if op, direction, shape, dtype and path are equal. A change counts if each median lies outside the other run's 5th to 95th
/// percentile. A regression is a slow-down by more than <see cref="Tolerated"/>, or a row that is no longer right.
/// </remarks>
internal sealed class Comparison
{
    /// <summary>Maximum slow-down that is not a regression, as a share of the older time.</summary>
    public const double Tolerated = 0.05;

    private readonly List<RowChange> changes = [];

    /// <summary>Compares two tables.</summary>
    /// <param name="older">Rows of the older run.</param>
    /// <param name="newer">Rows of the newer run.</param>
    public Comparison(IEnumerable<BenchmarkRow> older, IEnumerable<BenchmarkRow> newer)
    {
        Dictionary<Key, BenchmarkRow> before = [];
        foreach (BenchmarkRow row in older)
            before[Key.Of(row)] = row;
        foreach (BenchmarkRow row in newer)
        {
            if (!before.Remove(Key.Of(row), out BenchmarkRow? old))
                Added++;
            else if (old.Verdict == BenchmarkRow.Right && (row.Verdict != BenchmarkRow.Right || (old.Microseconds is not null && row.Microseconds is null)))
                changes.Add(new RowChange(old, row, null));
            else if (row.Microseconds / old.Microseconds is { } ratio)
                Compare(old, row, ratio);
        }

        Missing = before.Count;
    }

    /// <summary>Changes beyond the noise, in descending order of the slow-down.</summary>
    public IEnumerable<RowChange> Changes => changes.OrderByDescending(change => change.Ratio ?? double.PositiveInfinity);

    /// <summary>Number of rows that have a time in both tables.</summary>
    public int Compared { get; private set; }

    /// <summary>Number of rows that only the newer table has.</summary>
    public int Added { get; }

    /// <summary>Number of rows that only the older table has.</summary>
    public int Missing { get; }

    /// <summary>Whether there is a regression.</summary>
    public bool HasRegression => changes.Any(change => change.Ratio is not { } ratio || ratio > 1 + Tolerated);

    /// <summary>The changes as a table, followed by a line of counts.</summary>
    public string Report()
    {
        var table = new MarkdownTable("row", "path", "us before", "us now", "time now / before", "verdict");
        foreach (RowChange change in Changes)
        {
            string verdict = change.Ratio is not { } ratio ? $"REGRESSION: {change.Newer.Verdict} {change.Newer.Note}"
                : ratio > 1 + Tolerated ? "REGRESSION" : ratio > 1 ? "slower" : "faster";
            table.Add(change.Newer.Name, change.Newer.Path, change.Older.Microseconds, change.Newer.Microseconds, change.Ratio, verdict.TrimEnd());
        }

        string counts = string.Create(CultureInfo.InvariantCulture,
            $"{Compared} rows compared, {changes.Count} changed beyond the noise, {changes.Count(change => change.Ratio is not { } r || r > 1 + Tolerated)} regressions; {Added} new rows, {Missing} not measured this time");
        return changes.Count == 0 ? counts + "\n" : $"{table}\n{counts}\n";
    }

    private void Compare(BenchmarkRow old, BenchmarkRow row, double ratio)
    {
        Compared++;
        if (Outside(row.Microseconds, old) && Outside(old.Microseconds, row))
            changes.Add(new RowChange(old, row, ratio));
    }

    private static bool Outside(double? median, BenchmarkRow other) =>
        median < (other.Low ?? other.Microseconds) || median > (other.High ?? other.Microseconds);

    private readonly record struct Key(string Op, string Direction, string Shape, string Type, string Path)
    {
        public static Key Of(BenchmarkRow row) => new(row.Op, row.Direction, row.Shape, row.Type, row.Path);
    }
}

/// <summary>The same row in two runs.</summary>
/// <param name="Older">The older row.</param>
/// <param name="Newer">The newer row.</param>
/// <param name="Ratio">Newer time over older time; null if the row is no longer right.</param>
internal sealed record RowChange(BenchmarkRow Older, BenchmarkRow Newer, double? Ratio);
