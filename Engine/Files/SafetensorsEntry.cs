using System.Collections.Immutable;

namespace TrigFlowNative.Engine;

/// <summary>One tensor of a safetensors file. <see cref="SafetensorsFile"/> checks its entries against the length of the file.</summary>
/// <param name="Name">Name, unique in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Extents, slowest first, none negative; empty for a scalar.</param>
/// <param name="Offset">First byte, counted from the end of the header.</param>
/// <param name="ByteLength">Length in bytes: the product of the extents times the element size.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, ImmutableArray<long> Shape, long Offset, long ByteLength)
{
    /// <summary>Number of elements, the product of the extents (1 for a scalar).</summary>
    public long Count => ByteLength / Type.SizeInBytes();

    /// <summary>Whether the extents equal <paramref name="shape"/>.</summary>
    public bool HasShape(ReadOnlySpan<long> shape) => Shape.AsSpan().SequenceEqual(shape);

    /// <summary>Formats extents as "[64, 3, 3, 3]".</summary>
    public static string FormatShape(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";

    /// <summary>Length in bytes of a tensor; false if an extent is negative or the length exceeds 63 bits.</summary>
    /// <param name="shape">Extents.</param>
    /// <param name="type">Element type.</param>
    /// <param name="byteLength">The length.</param>
    public static bool TryMeasure(ReadOnlySpan<long> shape, SafetensorsType type, out long byteLength)
    {
        byteLength = type.SizeInBytes();
        foreach (long extent in shape)
        {
            if (extent < 0 || (extent > 0 && byteLength > long.MaxValue / extent))
                return false;
            byteLength *= extent;
        }

        return true;
    }
}
