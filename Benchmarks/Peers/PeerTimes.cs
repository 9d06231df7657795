using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>Times of others for the same work, from CSV files with the columns op, direction, shape and us; a later file wins.</summary>
internal sealed class PeerTimes
{
    private readonly Dictionary<(string, string, string), (string Peer, double Microseconds)> times = [];

    public PeerTimes(IEnumerable<string> paths)
    {
        foreach (string path in paths)
            foreach (CaseRow row in CsvTable.Read<CaseRow>(path))
                if (row.Microseconds is { } time)
                    times[(row.Op, row.Direction, row.Shape)] = (row.Path ?? Path.GetFileNameWithoutExtension(path), time);
    }

    /// <summary>The row with its peer's time, if there is one.</summary>
    public BenchmarkRow Beside(BenchmarkRow row) =>
        times.TryGetValue((row.Op, row.Direction, row.Shape), out var peer) ? row.WithPeer(peer.Peer, peer.Microseconds) : row;
}
