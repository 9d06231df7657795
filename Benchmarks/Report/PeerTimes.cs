using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>Times of others for the same work, from CSV files with the columns op, direction, shape and us; a later file wins.</summary>
internal sealed class PeerTimes
{
    private readonly Dictionary<(string, string, string), double> microseconds = [];

    public PeerTimes(IEnumerable<string> paths)
    {
        foreach (string path in paths)
            foreach (PeerRow row in CsvTable.Read<PeerRow>(path))
                if (row.Microseconds is { } time)
                    microseconds[(row.Op, row.Direction, row.Shape)] = time;
    }

    /// <summary>The row with its peer's time, if there is one.</summary>
    public KernelRow Beside(KernelRow row) =>
        microseconds.TryGetValue((row.Op, row.Direction, row.Shape), out double time) ? row.WithPeer(time) : row;
}

/// <summary>One line of a peer's table, or of ours.</summary>
internal sealed record PeerRow
{
    [Name("op")]
    public string Op { get; init; } = "";

    [Name("direction")]
    public string Direction { get; init; } = "";

    [Name("shape")]
    public string Shape { get; init; } = "";

    [Name("us")]
    public double? Microseconds { get; init; }
}
