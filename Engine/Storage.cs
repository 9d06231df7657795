namespace TrigFlowNative.Engine;

/// <summary>
/// The bytes behind tensors: memory of its own (persistent), or a place in its program's arena that is settled when the
/// program is compiled (transient). A dual storage has two parts, primal and tangent, whose lifetimes end apart.
/// </summary>
internal sealed class Storage(long bytes, long? tailStart, ComputeProgram? owner)
{
    public long Bytes { get; } = bytes;

    /// <summary>The program whose arena holds this storage; null for persistent storage.</summary>
    public ComputeProgram? Owner { get; } = owner;

    /// <summary>Parts with lifetimes of their own: one, or head and tail of a dual tensor.</summary>
    public StoragePart[] Parts { get; } = tailStart is { } start
        ? [new StoragePart(0, start), new StoragePart(start, bytes - start)]
        : [new StoragePart(0, bytes)];

    /// <summary>Device memory that holds the storage; null until the owner is compiled.</summary>
    public DeviceMemory? Memory { get; set; }

    /// <summary>Where the storage begins in <see cref="Memory"/>, in bytes.</summary>
    public long Offset { get; set; }

    /// <summary>The parts that the byte range touches.</summary>
    public IEnumerable<StoragePart> Touched(long offset, long length) =>
        Parts.Where(part => part.Start < offset + length && offset < part.Start + part.Bytes);
}

/// <summary>A byte range of a storage and the steps of the program between which it must hold its values.</summary>
internal sealed class StoragePart(long start, long bytes)
{
    public long Start { get; } = start;

    public long Bytes { get; } = bytes;

    /// <summary>Index of the first step that touches the part; -1 if none does.</summary>
    public int First { get; private set; } = -1;

    /// <summary>Index of the last step that touches the part.</summary>
    public int Last { get; private set; } = -1;

    public void Touch(int step)
    {
        if (First < 0)
            First = step;
        Last = Math.Max(Last, step);
    }
}
