using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A line of a CSV file that names cases: the shapes of <c>--shapes</c>, the times of a peer, or our own table, whose other columns are skipped.</summary>
internal sealed record CaseRow
{
    [Name("op")]
    public string Op { get; init; } = "";

    [Name("direction")]
    public string Direction { get; init; } = "";

    [Name("shape")]
    public string Shape { get; init; } = "";

    /// <summary>Median in microseconds; null where the table has none.</summary>
    [Name("us")]
    public double? Microseconds { get; init; }

    /// <summary>Who measured it; null where the table does not say.</summary>
    [Name("path"), NullValues("")]
    public string? Path { get; init; }
}
