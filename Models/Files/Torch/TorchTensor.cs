using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>A tensor of a PyTorch file: a view of a storage with any strides, which is checked when it is made and read only when it is asked for.</summary>
internal sealed class TorchTensor
{
    private const int MaxRank = 8;
    private const long LargestGather = 1L << 30;

    private readonly FileBytes file;
    private readonly TorchStorage storage;
    private readonly long offset, extent;
    private readonly long[] strides;
    private readonly string name;

    /// <summary>Makes a view.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's name, for messages.</param>
    /// <param name="storage">What it is a view of.</param>
    /// <param name="offset">First element.</param>
    /// <param name="shape">Extents, slowest first.</param>
    /// <param name="strides">Elements from one to the next along each axis.</param>
    /// <exception cref="InvalidFileException">The view does not lie in its storage, or sees an element more than once.</exception>
    public TorchTensor(FileBytes file, string name, TorchStorage storage, long offset, long[] shape, long[] strides)
    {
        (this.file, this.name, this.storage, this.offset, this.strides, Shape) = (file, name, storage, offset, strides, shape);
        if (shape.Length > MaxRank)
            throw Refuse($"has {shape.Length} axes, at most {MaxRank} are accepted");
        if (shape.Length != strides.Length)
            throw Refuse($"has {shape.Length} extents but {strides.Length} strides");
        if (offset < 0 || shape.Any(each => each < 0) || strides.Any(each => each < 0))
            throw Refuse("has a negative extent, stride or offset");
        if (!SafetensorsEntry.TryMeasure(shape, storage.Type, out long bytes))
            throw Refuse($"has the shape {SafetensorsEntry.FormatShape(shape)}, which overflows");
        Count = bytes / storage.Type.SizeInBytes();
        extent = Count == 0 ? 0 : Extent(shape, strides);
        if (extent > storage.Count || offset > storage.Count - extent)
            throw Refuse($"reaches beyond its storage of {storage.Count} elements: {SafetensorsEntry.FormatShape(shape)} from {offset} with strides {SafetensorsEntry.FormatShape(strides)}");
        if (Overlaps(shape, strides))
            throw Refuse($"sees elements of its storage more than once: {SafetensorsEntry.FormatShape(shape)} with strides {SafetensorsEntry.FormatShape(strides)}");
        if (!IsContiguous && extent * storage.Type.SizeInBytes() > LargestGather)
            throw Refuse($"is a view of {extent} scattered elements, too many");
    }

    /// <summary>
    /// Whether axes reach into each other, from the one of the smallest stride on: every view that a program makes by slicing, transposing or reshaping passes over what the
    /// smaller axes span before it takes a step along a larger one.
    /// </summary>
    private static bool Overlaps(long[] shape, long[] strides)
    {
        long spanned = 1;
        foreach ((long extent, long stride) in shape.Zip(strides).Where(axis => axis.First > 1).OrderBy(axis => axis.Second))
        {
            if (stride < spanned)
                return true;
            spanned += (extent - 1) * stride;
        }

        return false;
    }

    /// <summary>Type of an element.</summary>
    public SafetensorsType Type => storage.Type;

    /// <summary>Extents, slowest first; empty for a scalar.</summary>
    public long[] Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    private bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int axis = Shape.Length - 1; axis >= 0; axis--)
            {
                if (Shape[axis] > 1 && strides[axis] != expected)
                    return false;
                expected *= Math.Max(Shape[axis], 1);
            }

            return true;
        }
    }

    /// <summary>Hands on the elements' bytes in order, slowest axis first, in pieces of whole elements.</summary>
    /// <exception cref="InvalidFileException">The file has become shorter.</exception>
    public void Read(Action<ReadOnlyMemory<byte>> take)
    {
        int size = Type.SizeInBytes();
        ByteRange range = storage.Bytes.Slice(offset * size, extent * size);
        if (Count == 0)
            return;
        if (IsContiguous)
            file.ReadPieces(range, take);
        else
            take(Gather(file.Read(range), size));
    }

    private byte[] Gather(byte[] source, int size)
    {
        byte[] result = new byte[Count * size];
        long[] index = new long[Shape.Length];
        long from = 0;
        for (long i = 0; i < Count; i++)
        {
            source.AsSpan((int)(from * size), size).CopyTo(result.AsSpan((int)(i * size)));
            for (int axis = Shape.Length - 1; axis >= 0; axis--)
            {
                from += strides[axis];
                if (++index[axis] < Shape[axis])
                    break;
                from -= strides[axis] * Shape[axis];
                index[axis] = 0;
            }
        }

        return result;
    }

    /// <summary>Elements from the first to the last, at most as many as the storage may have and one.</summary>
    private static long Extent(long[] shape, long[] strides)
    {
        Int128 last = 0;
        foreach ((long size, long stride) in shape.Zip(strides))
            last += (Int128)(size - 1) * stride;
        return last < long.MaxValue ? (long)last + 1 : long.MaxValue;
    }

    private InvalidFileException Refuse(string reason) => file.Refuse($"tensor '{name}' {reason}");
}
