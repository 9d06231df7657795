using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Places storages whose lifetimes are known into one arena: one after another, each at the lowest offset where neither of its
/// parts meets a placed part that lives at the same time. Several orders are tried and the smallest arena is taken.
/// </summary>
/// <remarks>
/// Largest first is a good order in general (arXiv:2001.03288 compares such planners). But activations of a dual pass live long in their
/// first half and shortly in their second, so that between the halves that stay, holes arise into which no whole fits. In order
/// of time and on several stacks in turn, each can begin in the hole that the one before the last on its stack left.
/// </remarks>
internal static class ArenaPlan
{
    /// <summary>Below this, programs are too small for an arena to matter.</summary>
    private const int FewStorages = 64;

    /// <summary>Sets every storage's offset; returns the bytes of the arena.</summary>
    /// <remarks>Quadratic for each of the orders, which are tried on all cores.</remarks>
    public static long Place(IEnumerable<Storage> storages)
    {
        Storage[] used = [.. storages.Where(storage => storage.Parts.Any(part => part.First >= 0))];
        (Storage Storage, long Least)[][] orders = [LargestFirst(used), .. used.Length > FewStorages ? Stacked(used) : []];
        var layouts = orders.AsParallel().AsOrdered().Select(Layout).ToArray();
        int best = Enumerable.Range(0, layouts.Length).MinBy(i => layouts[i].Bytes);
        for (int i = 0; i < used.Length; i++)
            orders[best][i].Storage.Offset = layouts[best].Offsets[i];
        return layouts[best].Bytes;
    }

    private static (Storage, long)[] LargestFirst(IEnumerable<Storage> storages) =>
        [.. storages.OrderByDescending(storage => storage.Bytes).Select(storage => (storage, 0L))];

    /// <summary>Orders that begin with the storages that live long, in order of time and on two to four stacks in turn.</summary>
    private static IEnumerable<(Storage, long)[]> Stacked(Storage[] storages)
    {
        int steps = 1 + storages.Max(storage => storage.Parts.Max(part => part.Last));
        foreach (int least in (int[])[steps / 50, steps / 25])
        {
            Storage[] lasting = [.. storages.Where(storage => storage.Parts[0].Last - storage.Parts[0].First > least).OrderBy(storage => storage.Parts[0].First)];
            (Storage, long)[] others = LargestFirst(storages.Except(lasting));
            for (int stacks = 2; stacks <= 4 && lasting.Length >= stacks; stacks++)
                yield return [.. OnStacks(lasting, stacks), .. others];
        }
    }

    /// <summary>Stacks begin where the one below ends, if nothing but what lasts is counted, and room for what does not.</summary>
    private static IEnumerable<(Storage, long)> OnStacks(Storage[] lasting, int stacks)
    {
        long[] heights = new long[stacks];
        for (int i = 0; i < lasting.Length; i++)
            heights[i % stacks] += Align(lasting[i].Parts[0].Bytes);
        long room = Align(lasting.Max(storage => storage.Bytes - storage.Parts[0].Bytes));
        long[] bottoms = new long[stacks];
        for (int stack = 1; stack < stacks; stack++)
            bottoms[stack] = bottoms[stack - 1] + heights[stack - 1] + room;
        return lasting.Select((storage, i) => (storage, bottoms[i % stacks]));
    }

    /// <summary>Places the storages in the order given, none below its least offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // called a few times, and most of a start's loops are in here
    private static (long Bytes, long[] Offsets) Layout((Storage Storage, long Least)[] order)
    {
        var placed = new List<(long Start, long End, StoragePart Part)>();
        List<long> from = [], to = []; // offsets that are forbidden, from (exclusive) to (exclusive)
        long[] offsets = new long[order.Length];
        long bytes = 0;
        for (int i = 0; i < order.Length; i++)
        {
            (Storage storage, long offset) = order[i];
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
}
