using System.Collections.Immutable;

namespace TrigFlowNative.Engine;

/// <summary>One tensor of a safetensors file. Instances from <see cref="SafetensorsFile"/> are checked against the file's length.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Extents, slowest first; empty for a scalar. None is negative.</param>
/// <param name="Offset">First byte, counted from the end of the header.</param>
/// <param name="ByteLength">Bytes: the product of the extents times the element size.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, ImmutableArray<long> Shape, long Offset, long ByteLength)
{
    /// <summary>Number of elements, the product of the extents (1 for a scalar).</summary>
    public long Count => ByteLength / Type.Size();

    /// <summary>Whether the extents are exactly these.</summary>
    public bool HasShape(ReadOnlySpan<long> shape) => Shape.AsSpan().SequenceEqual(shape);

    /// <summary>The extents as "[64, 3, 3, 3]".</summary>
    public static string FormatShape(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";

    /// <summary>Number of elements of a shape; false if an extent is negative or the bytes don't fit in 63 bits.</summary>
    internal static bool TryMeasure(ReadOnlySpan<long> shape, SafetensorsType type, out long byteLength)
    {
        byteLength = type.Size();
        foreach (long extent in shape)
        {
            if (extent < 0 || (extent > 0 && byteLength > long.MaxValue / extent))
                return false;
            byteLength *= extent;
        }

        return true;
    }
}
