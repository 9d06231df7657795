using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Places storages whose lifetimes are known into one arena. Largest first, each at the lowest offset where neither of
/// its parts meets a placed part that lives at the same time (greedy by size; arXiv:2001.03288 compares such planners).
/// </summary>
internal static class ArenaPlan
{
    /// <summary>Sets every storage's offset; returns the bytes of the arena.</summary>
    /// <remarks>Quadratic: the 1,200 storages of a step of the cifar10 preset take 50 ms.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // called once, and most of a start's loops are in here
    public static long Place(IEnumerable<Storage> storages)
    {
        var placed = new List<(long Start, long End, StoragePart Part)>();
        List<long> from = [], to = []; // offsets that are forbidden, from (exclusive) to (exclusive)
        long bytes = 0;
        foreach (Storage storage in storages.Where(s => s.Parts.Any(p => p.First >= 0)).OrderByDescending(s => s.Bytes))
        {
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
            long offset = 0;
            for (int i = 0; i < from.Count && from[i] < offset; i++)
                if (offset < to[i])
                    offset = Align(to[i]);
            storage.Offset = offset;
            foreach (StoragePart part in storage.Parts.Where(p => p.First >= 0))
            {
                placed.Add((offset + part.Start, offset + part.Start + part.Bytes, part));
                bytes = Math.Max(bytes, Align(offset + part.Start + part.Bytes));
            }
        }

        return bytes;
    }

    private static long Align(long offset) => (offset + ComputeDevice.Alignment - 1) / ComputeDevice.Alignment * ComputeDevice.Alignment;
}
