using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Places storages whose lifetimes are known into one arena: one after another, each at the lowest offset where neither of its
/// parts meets a placed part that lives at the same time. Several orders are tried and the smallest arena is taken.
/// </summary>
/// <remarks>
/// Largest first is a good order in general (arXiv:2001.03288 compares such planners). But activations of a dual pass live long in their
/// first half and shortly in their second, so that between the halves that stay, holes arise into which no whole fits. On stacks of what
/// stays, each begins where the half that stays of the one below ends, once the other half is dead: a stack has at most one hole, on
/// its top, and the stacks are as many as second halves live at once.
/// </remarks>
internal static class ArenaPlan
{
    /// <summary>Below this, programs are too small for an arena to matter.</summary>
    private const int FewStorages = 64;

    /// <summary>What lives while so large a share of the most bytes ever does goes onto stacks, an order for each share.</summary>
    private static readonly double[] HighWater = [1, 0.98, 0.95];

    /// <summary>Sets every storage's offset; returns the bytes of the arena.</summary>
    /// <remarks>Quadratic for each of the orders, which are tried on all cores.</remarks>
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

    /// <summary>Orders that begin with what lives when nearly the most bytes do, stack by stack.</summary>
    private static IEnumerable<Storage[]> Stacked(Storage[] storages)
    {
        long[] live = Live(storages);
        long most = live.Max();
        foreach (double share in HighWater)
        {
            bool[] high = [.. live.Select(bytes => bytes >= share * most)];
            Storage[] lasting = [.. storages.Where(storage => storage.Parts[0] is { First: >= 0 } part && high.AsSpan(part.First..(part.Last + 1)).Contains(true))];
            yield return [.. OnStacks(lasting), .. LargestFirst(storages.Except(lasting))];
        }
    }

    /// <summary>The bytes that live at each step.</summary>
    private static long[] Live(Storage[] storages)
    {
        StoragePart[] parts = [.. storages.SelectMany(storage => storage.Parts).Where(part => part.First >= 0)];
        long[] live = new long[1 + parts.Max(part => part.Last)];
        foreach (StoragePart part in parts)
            foreach (ref long bytes in live.AsSpan(part.First..(part.Last + 1)))
                bytes += part.Bytes;
        return live;
    }

    /// <summary>In order of time, each goes onto the stack with the largest hole on its top, or onto a new one where all tops are alive.</summary>
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // called a few times, and most of a start's loops are in here
    private static (long Bytes, long[] Offsets) Layout(Storage[] order)
    {
        var placed = new List<(long Start, long End, StoragePart Part)>();
        List<long> from = [], to = []; // offsets that are forbidden, from (exclusive) to (exclusive)
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

    /// <summary>Storages above one another, of which each but the last is counted by its first part alone.</summary>
    private sealed class Stack
    {
        private readonly List<Storage> storages = [];
        private long height, reach;

        public IEnumerable<Storage> Storages => storages;

        /// <summary>Bytes above the last first part that a second part has taken.</summary>
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
