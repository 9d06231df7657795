using System.Buffers;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>Values are read in chunks, and converted on the way, so that no second copy of a tensor is made.</summary>
public sealed partial class SafetensorsFile
{
    private delegate void ReadInto<T>(SafetensorsEntry entry, Span<T> destination);

    /// <summary>Reads the values of an F32, F16, BF16 or F64 tensor, rounded to fp32.</summary>
    /// <exception cref="InvalidFileException">
    /// There is no such tensor, it holds no floating-point numbers, is too large for an array, or holds a value that <see cref="RequireFinite"/> refuses.
    /// </exception>
    public float[] ReadSingles(string name) => ReadArray<float>(Require(name), Read);

    /// <summary>Reads the values of an integer or Bool tensor.</summary>
    /// <exception cref="InvalidFileException">There is no such tensor, it holds no integers, is too large for an array, or a value exceeds 32 bits.</exception>
    public int[] ReadInt32s(string name) => ReadArray<int>(Require(name), Read);

    /// <summary>Reads the values of an integer or Bool tensor.</summary>
    /// <exception cref="InvalidFileException">There is no such tensor, it holds no integers, is too large for an array, or a value exceeds 63 bits.</exception>
    public long[] ReadInt64s(string name) => ReadArray<long>(Require(name), Read);

    /// <summary>Reads the bytes of a tensor of any type, little-endian.</summary>
    /// <exception cref="InvalidFileException">There is no such tensor, it is too large for an array, or the file has become shorter.</exception>
    public byte[] ReadBytes(string name)
    {
        SafetensorsEntry entry = Require(name);
        byte[] bytes = new byte[ArrayLength(entry, entry.ByteLength)];
        ReadRaw(entry, 0, bytes);
        return bytes;
    }

    /// <summary>Reads the same values as <see cref="ReadSingles"/> into <paramref name="destination"/>.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">Receives exactly <see cref="SafetensorsEntry.Count"/> elements.</param>
    /// <exception cref="ArgumentException">The destination has another number of elements.</exception>
    /// <exception cref="InvalidFileException">The tensor holds no floating-point numbers, or a value that <see cref="RequireFinite"/> refuses.</exception>
    public void Read(SafetensorsEntry entry, Span<float> destination)
    {
        switch (entry.Type)
        {
            case SafetensorsType.F32: ReadSame(entry, destination); break;
            case SafetensorsType.F16: ReadConverted<Half, float>(entry, destination, static value => (float)value); break;
            case SafetensorsType.F64: ReadConverted<double, float>(entry, destination, static value => (float)value); break;
            case SafetensorsType.BF16:
                ReadConverted<ushort, float>(entry, destination, static value => BitConverter.UInt32BitsToSingle((uint)value << 16));
                break;
            default: throw new InvalidFileException(Path, $"tensor '{entry.Name}' holds {entry.Type.FileName()}, expected floating-point numbers");
        }

        if (RequireFinite)
            CheckFinite(entry, destination);
    }

    /// <summary>Reads the same values as <see cref="ReadInt32s"/> into <paramref name="destination"/>.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">Receives exactly <see cref="SafetensorsEntry.Count"/> elements.</param>
    /// <exception cref="ArgumentException">The destination has another number of elements.</exception>
    /// <exception cref="InvalidFileException">The tensor holds no integers, or a value that exceeds 32 bits.</exception>
    public void Read(SafetensorsEntry entry, Span<int> destination)
    {
        if (entry.Type == SafetensorsType.I32)
            ReadSame(entry, destination);
        else
            ReadIntegers(entry, destination, static value => checked((int)value));
    }

    /// <summary>Reads the same values as <see cref="ReadInt64s"/> into <paramref name="destination"/>.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">Receives exactly <see cref="SafetensorsEntry.Count"/> elements.</param>
    /// <exception cref="ArgumentException">The destination has another number of elements.</exception>
    /// <exception cref="InvalidFileException">The tensor holds no integers, or a value that exceeds 63 bits.</exception>
    public void Read(SafetensorsEntry entry, Span<long> destination)
    {
        if (entry.Type == SafetensorsType.I64)
            ReadSame(entry, destination);
        else
            ReadIntegers(entry, destination, static value => value);
    }

    private T[] ReadArray<T>(SafetensorsEntry entry, ReadInto<T> read)
    {
        T[] values = new T[ArrayLength(entry, entry.Count)];
        read(entry, values);
        return values;
    }

    private int ArrayLength(SafetensorsEntry entry, long length) => length <= Array.MaxLength
        ? (int)length
        : throw new InvalidFileException(Path, $"tensor '{entry.Name}' is too large for one array");

    private void ReadIntegers<T>(SafetensorsEntry entry, Span<T> destination, Func<long, T> narrow)
        where T : unmanaged
    {
        try
        {
            switch (entry.Type)
            {
                case SafetensorsType.Bool or SafetensorsType.U8: ReadConverted<byte, T>(entry, destination, value => narrow(value)); break;
                case SafetensorsType.I8: ReadConverted<sbyte, T>(entry, destination, value => narrow(value)); break;
                case SafetensorsType.I16: ReadConverted<short, T>(entry, destination, value => narrow(value)); break;
                case SafetensorsType.U16: ReadConverted<ushort, T>(entry, destination, value => narrow(value)); break;
                case SafetensorsType.I32: ReadConverted<int, T>(entry, destination, value => narrow(value)); break;
                case SafetensorsType.U32: ReadConverted<uint, T>(entry, destination, value => narrow(value)); break;
                case SafetensorsType.I64: ReadConverted<long, T>(entry, destination, narrow); break;
                case SafetensorsType.U64: ReadConverted<ulong, T>(entry, destination, value => narrow(checked((long)value))); break;
                default: throw new InvalidFileException(Path, $"tensor '{entry.Name}' holds {entry.Type.FileName()}, expected integers");
            }
        }
        catch (OverflowException e)
        {
            throw new InvalidFileException(Path, $"tensor '{entry.Name}' holds a number beyond the range of {typeof(T).Name}", e);
        }
    }

    private void ReadSame<T>(SafetensorsEntry entry, Span<T> destination)
        where T : unmanaged
    {
        CheckLength(entry, destination.Length);
        int step = ChunkBytes / Marshal.SizeOf<T>();
        for (int start = 0; start < destination.Length; start += step)
        {
            Span<T> chunk = destination.Slice(start, Math.Min(step, destination.Length - start));
            ReadRaw(entry, (long)start * Marshal.SizeOf<T>(), MemoryMarshal.AsBytes(chunk));
        }
    }

    private void ReadConverted<TFile, TValue>(SafetensorsEntry entry, Span<TValue> destination, Func<TFile, TValue> convert)
        where TFile : unmanaged
    {
        CheckLength(entry, destination.Length);
        int size = entry.Type.SizeInBytes();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (int start = 0; start < destination.Length; start += ChunkBytes / size)
            {
                int count = Math.Min(ChunkBytes / size, destination.Length - start);
                Span<byte> raw = buffer.AsSpan(0, count * size);
                ReadRaw(entry, (long)start * size, raw);
                ReadOnlySpan<TFile> values = MemoryMarshal.Cast<byte, TFile>(raw);
                for (int i = 0; i < count; i++)
                    destination[start + i] = convert(values[i]);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ReadRaw(SafetensorsEntry entry, long offset, Span<byte> bytes)
    {
        long position = dataStart + entry.Offset + offset;
        while (!bytes.IsEmpty)
        {
            int read = RandomAccess.Read(handle, bytes, position);
            if (read == 0)
                throw new InvalidFileException(Path, $"became shorter while tensor '{entry.Name}' was read");
            bytes = bytes[read..];
            position += read;
        }
    }

    private void CheckFinite(SafetensorsEntry entry, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                throw new InvalidFileException(Path, $"tensor '{entry.Name}' holds {values[i]} at element {i}");
        }
    }

    private static void CheckLength(SafetensorsEntry entry, int length)
    {
        if (length != entry.Count)
            throw new ArgumentException($"tensor '{entry.Name}' has {entry.Count} elements, the destination {length}");
    }
}
