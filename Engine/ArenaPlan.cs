namespace TrigFlowNative.Engine;

/// <summary>
/// Places storages whose lifetimes are known into one arena. Largest first, each at the lowest offset where neither of
/// its parts meets a placed part that lives at the same time (greedy by size; arXiv:2001.03288 compares such planners).
/// </summary>
internal static class ArenaPlan
{
    /// <summary>Sets every storage's offset; returns the bytes of the arena.</summary>
    public static long Place(IEnumerable<Storage> storages)
    {
        // Buckets by lifetime would be faster; a training step's few thousand storages take milliseconds as they are.
        var placed = new List<(long Start, long End, StoragePart Part)>();
        var forbidden = new List<(long From, long To)>();
        long bytes = 0;
        foreach (Storage storage in storages.Where(s => s.Parts.Any(p => p.First >= 0)).OrderByDescending(s => s.Bytes))
        {
            forbidden.Clear();
            foreach (StoragePart part in storage.Parts.Where(p => p.First >= 0))
                foreach ((long start, long end, StoragePart other) in placed)
                    if (part.First <= other.Last && other.First <= part.Last)
                        forbidden.Add((start - part.Start - part.Bytes, end - part.Start));
            forbidden.Sort();
            long offset = 0;
            foreach ((long from, long to) in forbidden)
                if (from < offset && offset < to)
                    offset = Align(to);
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
