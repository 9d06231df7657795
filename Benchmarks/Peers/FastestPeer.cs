namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>Adds the fastest peer to each of our rows.</summary>
internal static class FastestPeer
{
    /// <summary>
    /// Returns our rows, each with the fastest peer that has a correct result for the same case and storage type, unless the row already has a faster
    /// one; then the peers' rows, unchanged.
    /// </summary>
    public static BenchmarkRow[] Beside(IEnumerable<BenchmarkRow> ours, IReadOnlyList<BenchmarkRow> theirs)
    {
        ILookup<(string, string), BenchmarkRow> same = theirs.Where(row => row is { Verdict: BenchmarkRow.Right, Microseconds: > 0 }).ToLookup(row => (row.Name, row.Type));
        return [.. ours.Select(row => Beside(row, same[(row.Name, row.Type)])), .. theirs];
    }

    private static BenchmarkRow Beside(BenchmarkRow row, IEnumerable<BenchmarkRow> peers) =>
        peers.MinBy(peer => peer.Microseconds) is { } fastest && !(row.PeerMicroseconds < fastest.Microseconds) ? row.WithPeer(fastest) : row;
}
