namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>The peers' rows set beside ours.</summary>
internal static class FastestPeer
{
    /// <summary>
    /// Each of our rows with the fastest right peer of the same work and storage type, unless a faster one stands there already; behind them theirs,
    /// as they are.
    /// </summary>
    public static BenchmarkRow[] Beside(IEnumerable<BenchmarkRow> ours, IReadOnlyList<BenchmarkRow> theirs)
    {
        ILookup<(string, string), BenchmarkRow> same = theirs.Where(row => row is { Verdict: BenchmarkRow.Right, Microseconds: > 0 }).ToLookup(row => (row.Name, row.Type));
        return [.. ours.Select(row => Beside(row, same[(row.Name, row.Type)])), .. theirs];
    }

    private static BenchmarkRow Beside(BenchmarkRow row, IEnumerable<BenchmarkRow> peers) =>
        peers.MinBy(peer => peer.Microseconds) is { } fastest && !(row.PeerMicroseconds < fastest.Microseconds) ? row.WithPeer(fastest.Path, fastest.Microseconds) : row;
}
