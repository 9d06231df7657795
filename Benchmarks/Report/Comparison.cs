using System.Globalization;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>Compares a run with an older one: rows that became faster or slower by more than <see cref="RowJudge"/> takes for noise, and rows that are no longer right.</summary>
/// <remarks>
/// Two rows are compared if op, direction, shape, dtype and path are equal. A regression is a row that is slower, or no longer right. Rows that are too short, or
/// that have no interval, are counted and never are regressions for their time.
/// </remarks>
internal sealed class Comparison
{
    private readonly List<RowChange> changes = [];
    private readonly Dictionary<RowVerdict, int> counts = Enum.GetValues<RowVerdict>().ToDictionary(verdict => verdict, _ => 0);
    private readonly double? loadBefore, loadNow;

    /// <summary>Compares two tables.</summary>
    /// <param name="older">Rows of the older run.</param>
    /// <param name="newer">Rows of the newer run.</param>
    public Comparison(IEnumerable<BenchmarkRow> older, IEnumerable<BenchmarkRow> newer)
    {
        Dictionary<Key, BenchmarkRow> before = [];
        foreach (BenchmarkRow row in older)
            before[Key.Of(row)] = row;
        List<(BenchmarkRow Old, BenchmarkRow Row)> timed = [];
        foreach (BenchmarkRow row in newer)
        {
            if (!before.Remove(Key.Of(row), out BenchmarkRow? old))
                Added++;
            else if (old.Verdict == BenchmarkRow.Right && (row.Verdict != BenchmarkRow.Right || (old.Microseconds is not null && row.Microseconds is null)))
                changes.Add(new RowChange(old, row, null, RowVerdict.Slower));
            else if (old.Microseconds > 0 && row.Microseconds > 0)
                timed.Add((old, row));
        }

        Missing = before.Count;
        double[] spreads = [.. timed.Select(pair => RowJudge.SpreadOf(pair.Old, pair.Row)).OfType<double>().Order()];
        double usual = spreads.Length > 0 ? Duration.Percentile(spreads, 0.5) : 0;
        foreach ((BenchmarkRow old, BenchmarkRow row) in timed)
        {
            RowVerdict verdict = RowJudge.Judge(old, row, usual);
            counts[verdict]++;
            if (verdict is RowVerdict.Slower or RowVerdict.Faster || (verdict == RowVerdict.Same && RowJudge.Part(old, row)))
                changes.Add(new RowChange(old, row, row.Microseconds / old.Microseconds, verdict));
        }

        (loadBefore, loadNow) = (timed.Max(pair => pair.Old.Load), timed.Max(pair => pair.Row.Load));
    }

    /// <summary>Rows whose intervals part and rows that are no longer right, in descending order of the slow-down.</summary>
    public IEnumerable<RowChange> Changes => changes.OrderByDescending(change => change.Ratio ?? double.PositiveInfinity);

    /// <summary>Number of rows that have a time in both tables.</summary>
    public int Compared => counts.Values.Sum();

    /// <summary>Number of rows that only the newer table has.</summary>
    public int Added { get; }

    /// <summary>Number of rows that only the older table has.</summary>
    public int Missing { get; }

    /// <summary>Rows that are slower or no longer right.</summary>
    public IEnumerable<RowChange> Regressions => Changes.Where(change => change.Verdict == RowVerdict.Slower);

    /// <summary>Whether there is a regression.</summary>
    public bool HasRegression => Regressions.Any();

    /// <summary>Number of rows with a verdict.</summary>
    public int Count(RowVerdict verdict) => counts[verdict];

    /// <summary>The changes as a table, followed by a line of counts.</summary>
    public string Report()
    {
        var table = new MarkdownTable("row", "path", "us before", "interval before", "us now", "interval now", "time now / before", "verdict");
        foreach (RowChange change in Changes)
        {
            string verdict = change.Ratio is null ? $"REGRESSION: {change.Newer.Verdict} {change.Newer.Note}"
                : change.Verdict switch { RowVerdict.Slower => "REGRESSION", RowVerdict.Faster => "faster", _ => change.Ratio > 1 ? "slower, below the noise floor" : "faster, below the noise floor" };
            table.Add(
                change.Newer.Name, change.Newer.Path, change.Older.Microseconds, Interval(change.Older), change.Newer.Microseconds, Interval(change.Newer), change.Ratio, verdict.TrimEnd());
        }

        string summary = string.Create(CultureInfo.InvariantCulture,
            $"{Compared} rows compared: {Regressions.Count()} regressions, {Count(RowVerdict.Faster)} faster, {Count(RowVerdict.Same)} the same within the noise; ")
            + string.Create(CultureInfo.InvariantCulture, $"{Added} new rows, {Missing} not measured this time\n");
        if (Count(RowVerdict.TooShort) > 0)
            summary += string.Create(CultureInfo.InvariantCulture, $"{Count(RowVerdict.TooShort)} rows too short to judge (below {RowJudge.HostMicroseconds} us by the host's clock, {RowJudge.GraphMicroseconds} us within a graph)\n");
        if (Count(RowVerdict.NoIntervals) > 0)
            summary += $"{Count(RowVerdict.NoIntervals)} rows not judged: the host's clock timed them in fewer than {MedianInterval.MinRounds} processes in one of the runs; measure with --rounds 5\n";
        if (loadBefore is not null || loadNow is not null)
            summary += string.Create(CultureInfo.InvariantCulture, $"load of the machine: {loadBefore:0.#} before, {loadNow:0.#} now\n");
        return changes.Count == 0 ? summary : $"{table}\n{summary}";
    }

    private static string? Interval(BenchmarkRow row) =>
        RowJudge.IntervalOf(row) is { } interval ? string.Create(CultureInfo.InvariantCulture, $"{interval.Low:G4} to {interval.High:G4}") : null;

    private readonly record struct Key(string Op, string Direction, string Shape, string Type, string Path)
    {
        public static Key Of(BenchmarkRow row) => new(row.Op, row.Direction, row.Shape, row.Type, row.Path);
    }
}

/// <summary>The same row in two runs.</summary>
/// <param name="Older">The older row.</param>
/// <param name="Newer">The newer row.</param>
/// <param name="Ratio">Newer time over older time; null if the row is no longer right.</param>
/// <param name="Verdict">What the two say; for a row that is no longer right, that it is slower.</param>
internal sealed record RowChange(BenchmarkRow Older, BenchmarkRow Newer, double? Ratio, RowVerdict Verdict);
