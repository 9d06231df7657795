using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Places storages with known lifetimes into one arena, one after another, each at the lowest offset where none of its parts overlaps
/// a placed part that is alive at the same time. Several orders are tried and the smallest arena is taken.
/// </summary>
/// <remarks>
/// Largest first is a good order in general (arXiv:2001.03288 compares such planners). In a dual pass, however, the primal of an activation
/// lives long and its tangent briefly, so holes open between the primals that no whole storage fits. Storages that live long are
/// therefore stacked: each begins where the primal of the one below ends, once that one's tangent is dead. A stack has at most one hole, at
/// its top, and there are as many stacks as tangents alive at a time.
/// </remarks>
internal static class ArenaPlan
{
    /// <summary>Number of storages up to which a program is too small for its arena to matter.</summary>
    private const int FewStorages = 64;

    /// <summary>Shares of the peak of live bytes: storages that are alive while at least this share is live go onto stacks. Each share gives an order.</summary>
    private static readonly double[] HighWater = [1, 0.98, 0.95];

    /// <summary>Sets every storage's offset.</summary>
    /// <returns>Size of the arena in bytes.</returns>
    /// <remarks>The cost of an order is quadratic in the number of storages; the orders are tried on all cores.</remarks>
    public static long Place(IEnumerable<Storage> storages)
    {
        Storage[] used = [.. storages.Where(storage => storage.Parts.Any(part => part.First >= 0))];
        Storage[][] orders = [[.. LargestFirst(used)], .. used.Length > FewStorages ? Stacked(used) : []];
        var layouts = orders.AsParallel().AsOrdered().Select(Layout).ToArray();
        int best = Enumerable.Range(0, layouts.Length).MinBy(i => layouts[i].Bytes);
        for (int i = 0; i < used.Length; i++)
            orders[best][i].Offset = layouts[best].Offsets[i];
        return layouts[best].Bytes;
    }

    private static IEnumerable<Storage> LargestFirst(IEnumerable<Storage> storages) => storages.OrderByDescending(storage => storage.Bytes);

    /// <summary>Orders that begin, stack by stack, with the storages that are alive near the peak of live bytes.</summary>
    private static IEnumerable<Storage[]> Stacked(Storage[] storages)
    {
        long[] live = Live(storages);
        long maxLive = live.Max();
        foreach (double share in HighWater)
        {
            bool[] high = [.. live.Select(bytes => bytes >= share * maxLive)];
            Storage[] lasting = [.. storages.Where(storage => storage.Parts[0] is { First: >= 0 } part && high.AsSpan(part.First..(part.Last + 1)).Contains(true))];
            yield return [.. OnStacks(lasting), .. LargestFirst(storages.Except(lasting))];
        }
    }

    /// <summary>Live bytes at each step.</summary>
    private static long[] Live(Storage[] storages)
    {
        StoragePart[] parts = [.. storages.SelectMany(storage => storage.Parts).Where(part => part.First >= 0)];
        long[] live = new long[1 + parts.Max(part => part.Last)];
        foreach (StoragePart part in parts)
            foreach (ref long bytes in live.AsSpan(part.First..(part.Last + 1)))
                bytes += part.Bytes;
        return live;
    }

    /// <summary>Stacks storages in order of time: each goes onto the stack with the largest hole at its top, or onto a new one if every top is alive.</summary>
    private static IEnumerable<Storage> OnStacks(Storage[] lasting)
    {
        List<Stack> stacks = [];
        foreach (Storage storage in lasting.OrderBy(storage => storage.Parts[0].First))
        {
            Stack? stack = stacks.Where(stack => stack.TopLast < storage.Parts[0].First).MaxBy(stack => stack.Hole);
            if (stack is null)
                stacks.Add(stack = new Stack());
            stack.Put(storage);
        }

        return stacks.SelectMany(stack => stack.Storages);
    }

    /// <summary>Places the storages in the order given.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // called too rarely for tiered compilation, yet it holds most loop iterations of a start
    private static (long Bytes, long[] Offsets) Layout(Storage[] order)
    {
        var placed = new List<(long Start, long End, StoragePart Part)>();
        List<long> from = [], to = []; // forbidden offsets: the open intervals (from, to)
        long[] offsets = new long[order.Length];
        long bytes = 0;
        for (int i = 0; i < order.Length; i++)
        {
            Storage storage = order[i];
            long offset = 0;
            from.Clear();
            to.Clear();
            foreach (StoragePart part in storage.Parts)
            {
                if (part.First < 0)
                    continue;
                foreach ((long start, long end, StoragePart other) in placed)
                {
                    if (part.First > other.Last || other.First > part.Last)
                        continue;
                    from.Add(start - part.Start - part.Bytes);
                    to.Add(end - part.Start);
                }
            }

            CollectionsMarshal.AsSpan(from).Sort(CollectionsMarshal.AsSpan(to));
            for (int j = 0; j < from.Count && from[j] < offset; j++)
                if (offset < to[j])
                    offset = Align(to[j]);
            offsets[i] = offset;
            foreach (StoragePart part in storage.Parts)
            {
                if (part.First < 0)
                    continue;
                placed.Add((offset + part.Start, offset + part.Start + part.Bytes, part));
                bytes = Math.Max(bytes, Align(offset + part.Start + part.Bytes));
            }
        }

        return (bytes, offsets);
    }

    private static long Align(long offset) => (offset + ComputeDevice.Alignment - 1) / ComputeDevice.Alignment * ComputeDevice.Alignment;

    /// <summary>Storages on top of one another: each begins where the first part of the one below ends.</summary>
    private sealed class Stack
    {
        private readonly List<Storage> storages = [];
        private long height, reach;

        public IEnumerable<Storage> Storages => storages;

        /// <summary>Bytes above the topmost first part that second parts occupy; they are free once those parts are dead.</summary>
        public long Hole => reach - height;

        /// <summary>The last step that touches a second part; -1 if none does.</summary>
        public int TopLast { get; private set; } = -1;

        public void Put(Storage storage)
        {
            storages.Add(storage);
            reach = Math.Max(reach, Align(height + storage.Bytes));
            height = Align(height + storage.Parts[0].Bytes);
            foreach (StoragePart top in storage.Parts.AsSpan(1))
                TopLast = Math.Max(TopLast, top.Last);
        }
    }
}
