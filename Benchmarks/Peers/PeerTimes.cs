using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>Peers' times from CSV files with the columns op, direction, shape and us. If several files have a case, the last one counts.</summary>
internal sealed class PeerTimes
{
    private readonly Dictionary<(string, string, string), (string Peer, double Microseconds)> times = [];

    /// <summary>Reads the files.</summary>
    /// <exception cref="UsageException">A file is missing or is not such a table.</exception>
    public PeerTimes(IEnumerable<string> paths)
    {
        foreach (string path in paths)
            foreach (CaseRow row in CsvTable.Read<CaseRow>(path))
                if (row.Microseconds is { } time)
                    times[(row.Op, row.Direction, row.Shape)] = (row.Path ?? Path.GetFileNameWithoutExtension(path), time);
    }

    /// <summary>Returns the row with the time of its peer, if the files have one.</summary>
    public BenchmarkRow Beside(BenchmarkRow row) =>
        times.TryGetValue((row.Op, row.Direction, row.Shape), out var peer) ? row.WithPeer(peer.Peer, peer.Microseconds) : row;
}
