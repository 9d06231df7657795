using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>A tensor that is read from the imported file only while it is written to another.</summary>
/// <param name="Name">Name in the file to be written.</param>
/// <param name="Type">Type of an element in the imported file.</param>
/// <param name="Shape">Extents, slowest first.</param>
/// <param name="Read">Hands on the bytes in order, in pieces of whole elements.</param>
internal sealed record ImportedTensor(string Name, SafetensorsType Type, long[] Shape, Action<Action<ReadOnlyMemory<byte>>> Read)
{
    /// <summary>Whether float16 and bfloat16 become float32, which holds each of their values exactly.</summary>
    public bool Widened { get; init; }

    /// <summary>Type of an element in the file to be written.</summary>
    public SafetensorsType StoredType => Widened && Type is SafetensorsType.F16 or SafetensorsType.BF16 ? SafetensorsType.F32 : Type;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>A tensor of a PyTorch file.</summary>
    public static ImportedTensor Of(string name, TorchTensor tensor) => new(name, tensor.Type, tensor.Shape, tensor.Read);

    /// <summary>Writes the bytes; returns how many of the numbers are infinite or none.</summary>
    public long WriteTo(Stream stream)
    {
        long nonFinite = 0;
        float[] wide = [];
        Read(piece =>
        {
            nonFinite += CountNonFinite(piece.Span);
            if (StoredType == Type)
            {
                stream.Write(piece.Span);
                return;
            }

            ReadOnlySpan<ushort> narrow = MemoryMarshal.Cast<byte, ushort>(piece.Span);
            if (wide.Length < narrow.Length)
                wide = new float[narrow.Length];
            for (int i = 0; i < narrow.Length; i++)
                wide[i] = Type == SafetensorsType.F16 ? (float)BitConverter.UInt16BitsToHalf(narrow[i]) : BitConverter.UInt32BitsToSingle((uint)narrow[i] << 16);
            stream.Write(MemoryMarshal.AsBytes(wide.AsSpan(0, narrow.Length)));
        });
        return nonFinite;
    }

    // A number is infinite or none if all bits of its exponent are set.
    private long CountNonFinite(ReadOnlySpan<byte> piece) => Type switch
    {
        SafetensorsType.F32 => CountOf<uint>(piece, each => (each & 0x7f800000) == 0x7f800000),
        SafetensorsType.F16 => CountOf<ushort>(piece, each => (each & 0x7c00) == 0x7c00),
        SafetensorsType.BF16 => CountOf<ushort>(piece, each => (each & 0x7f80) == 0x7f80),
        SafetensorsType.F64 => CountOf<ulong>(piece, each => (each & 0x7ff0000000000000) == 0x7ff0000000000000),
        _ => 0,
    };

    private static long CountOf<T>(ReadOnlySpan<byte> piece, Predicate<T> isNonFinite)
        where T : unmanaged
    {
        long count = 0;
        foreach (T each in MemoryMarshal.Cast<byte, T>(piece))
            count += isNonFinite(each) ? 1 : 0;
        return count;
    }
}
