using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A line of a CSV file that names cases: the shapes of <c>--shapes</c>, the times of a peer, or our own table, whose other columns are ignored.</summary>
internal sealed record CaseRow
{
    [Name("op")]
    public string Op { get; init; } = "";

    [Name("direction")]
    public string Direction { get; init; } = "";

    [Name("shape")]
    public string Shape { get; init; } = "";

    /// <summary>Median in microseconds; null if the table has none.</summary>
    [Name("us")]
    public double? Microseconds { get; init; }

    /// <summary>Implementation that was measured; null if the table has none.</summary>
    [Name("path"), NullValues("")]
    public string? Path { get; init; }
}
