namespace TrigFlowNative.Tests.Ptx;

/// <summary>
/// Blocks of a cluster (PTX ISA 8.0, sections 9.7.12.4 and 9.7.8): they run at a time, each with a window of shared memory of its own in which
/// the others may read, until it ends.
/// </summary>
internal sealed partial class PtxMachine
{
    /// <summary>From a block's shared memory to the next one's; an address in a descriptor of wgmma has as many bits.</summary>
    private const int BlockStride = 1 << 18;

    /// <summary>Where a block's shared memory begins in its window, as on sm_90: a place that is not counted from there lies outside.</summary>
    private const int SharedStart = 1024;

    /// <summary>How often each thread has come to the barrier of the cluster.</summary>
    private readonly int[] arrivals;

    /// <summary>The releases to the cluster's barrier, for each of its phases.</summary>
    private readonly List<int[]> released = [];

    /// <summary>Boxes that were brought to the cache, and those that were loaded.</summary>
    private readonly HashSet<string> prefetched = [], loaded = [];

    /// <summary>Threads of a cluster.</summary>
    private int Threads => spec.Threads * spec.Cluster;

    private int Rank(int thread) => thread / spec.Threads;

    private int InBlock(int thread) => thread % spec.Threads;

    /// <summary>Tells the barrier of a block from those of the other blocks.</summary>
    private ulong OfBlock(Warp warp, ulong barrier) => barrier + (ulong)Rank(warp.First) * 2 * NamedBarriers;

    private void BeginCluster()
    {
        races = NewRaces();
        asyncBarriers.Clear();
        Array.Clear(arrivals);
        released.Clear();
        prefetched.Clear();
        loaded.Clear();
    }

    private void EndCluster()
    {
        Assert(arrivals.Distinct().Count() == 1, "a barrier of the cluster to which not all threads have come");
        Assert(prefetched.IsSubsetOf(loaded), "a box was brought to the cache for nothing");
    }

    private Func<Warp, bool>? DecodeCluster(Instruction i) => i.Name switch
    {
        ["barrier", "cluster", "arrive", ..] => i.Each(ArriveAtCluster),
        ["barrier", "cluster", "wait", ..] => WaitForCluster(i),
        ["mapa", "shared::cluster", ..] => Map(i),
        ["ld", "shared::cluster", ..] => ReadElsewhere(i),
        ["cp", "async", "bulk", "prefetch", ..] => Prefetch(i),
        _ => null,
    };

    private void ArriveAtCluster(int thread)
    {
        if (released.Count == arrivals[thread])
            released.Add(races.NewClock());
        races.Release(thread, released[arrivals[thread]++]);
    }

    private Func<Warp, bool> WaitForCluster(Instruction i) => warp =>
    {
        int all = arrivals.Min();
        return warp.ActiveThreads.All(thread => all >= arrivals[thread]) && i.Each(thread => races.Acquire(thread, released[arrivals[thread] - 1]))(warp);
    };

    /// <summary>The address in another block of the same shared memory as the given address in this one.</summary>
    private Func<Warp, bool> Map(Instruction i)
    {
        ulong[] target = Register(i.Operands[0]);
        Func<int, ulong> address = Value(i.Operands[1]), rank = Value(i.Operands[2]);
        return i.Each(thread =>
        {
            Assert((int)rank(thread) < spec.Cluster, $"block {rank(thread)} of {spec.Cluster}: {i.Text}");
            target[thread] = address(thread) % BlockStride + rank(thread) * BlockStride;
        });
    }

    private Func<Warp, bool> ReadElsewhere(Instruction i)
    {
        Func<int, int> address = Address(i.Operands[1]);
        Func<Warp, bool> load = LoadOrStore(i);
        return warp =>
        {
            foreach (int rank in warp.ActiveThreads.Select(thread => address(thread) / BlockStride).Distinct())
                Assert(warps.Any(other => Rank(other.First) == rank && !other.Done), $"block {rank} has ended: {i.Text}");
            return load(warp);
        };
    }

    private Func<Warp, bool> Prefetch(Instruction i)
    {
        string[] map = i.Operands[0].Trim('[', ']').Split('{', '}');
        Func<int, ulong> descriptor = Value(map[0].Trim(' ', '\t', ','));
        Func<int, ulong>[] coordinates = [.. map[1].Split(',').Select(part => Value(part.Trim()))];
        return i.Each(thread => prefetched.Add(Named((int)descriptor(thread), [.. coordinates.Select(each => (int)(uint)each(thread))])));
    }

    private static string Named(int map, int[] origin) => $"{map}: {string.Join(", ", origin)}";
}
