namespace TrigFlowNative.Engine;

/// <summary>
/// The bytes behind tensors: persistent, in memory of its own, or transient, at an offset in its program's arena that compilation
/// assigns. The storage of a dual tensor has two parts, primal and tangent, with lifetimes of their own.
/// </summary>
internal sealed class Storage(long bytes, long? tailStart, ComputeProgram? owner)
{
    public long Bytes { get; } = bytes;

    /// <summary>The program whose arena holds this storage; null for persistent storage.</summary>
    public ComputeProgram? Owner { get; } = owner;

    /// <summary>Parts with lifetimes of their own: one, or the primal and the tangent of a dual tensor.</summary>
    public StoragePart[] Parts { get; } = tailStart is { } start
        ? [new StoragePart(0, start), new StoragePart(start, bytes - start)]
        : [new StoragePart(0, bytes)];

    /// <summary>Device memory that holds the storage; null until the owner is compiled.</summary>
    public DeviceMemory? Memory { get; set; }

    /// <summary>Start of the storage in <see cref="Memory"/>, in bytes.</summary>
    public long Offset { get; set; }

    /// <summary>Parts that overlap a range of bytes.</summary>
    public IEnumerable<StoragePart> Touched(long offset, long length) =>
        Parts.Where(part => part.Start < offset + length && offset < part.Start + part.Bytes);
}

/// <summary>A byte range of a storage, and the range of steps over which it must hold its values.</summary>
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
