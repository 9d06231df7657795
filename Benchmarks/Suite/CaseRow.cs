using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A line of a table of cases: of a file for <c>--shapes</c>, of a peer's times, or of our own table, whose other columns are passed over.</summary>
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
