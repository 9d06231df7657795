using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>Times of others for the same work, from CSV files with the columns op, direction, shape and us; a later file wins.</summary>
internal sealed class PeerTimes
{
    private readonly Dictionary<(string, string, string), (string Peer, double Microseconds)> times = [];

    public PeerTimes(IEnumerable<string> paths)
    {
        foreach (string path in paths)
            foreach (PeerRow row in CsvTable.Read<PeerRow>(path))
                if (row.Microseconds is { } time)
                    times[(row.Op, row.Direction, row.Shape)] = (row.Peer ?? Path.GetFileNameWithoutExtension(path), time);
    }

    /// <summary>The row with its peer's time, if there is one.</summary>
    public BenchmarkRow Beside(BenchmarkRow row) =>
        times.TryGetValue((row.Op, row.Direction, row.Shape), out var peer) ? row.WithPeer(peer.Peer, peer.Microseconds) : row;
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

    /// <summary>Who did it; null where the table does not say.</summary>
    [Name("path"), NullValues("")]
    public string? Peer { get; init; }
}
