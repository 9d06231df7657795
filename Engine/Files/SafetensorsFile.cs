using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TrigFlowNative.Engine;

/// <summary>
/// A safetensors file open for reading. Opening checks the whole header before anything is allocated from it. Values are read from the
/// file on demand, so a file larger than memory can be walked. Several threads may read at once.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly FileStream stream;
    private readonly SafeFileHandle handle;
    private readonly long dataStart;
    private readonly Dictionary<string, SafetensorsEntry> byName;
    private readonly string? checksum;

    private delegate void ReadInto<T>(SafetensorsEntry entry, Span<T> destination);

    private SafetensorsFile(
        string path, bool requireFinite, FileStream stream, long dataStart, List<SafetensorsEntry> entries, Dictionary<string, string> metadata)
    {
        Path = path;
        RequireFinite = requireFinite;
        this.stream = stream;
        handle = stream.SafeFileHandle;
        this.dataStart = dataStart;
        Entries = entries;
        if (metadata.TryGetValue(SafetensorsChecksum.Key, out string? text) && SafetensorsChecksum.IsChecksum(text))
        {
            checksum = text;
            metadata.Remove(SafetensorsChecksum.Key);
        }

        Metadata = metadata;
        byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <summary>The path as given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>The header's <c>__metadata__</c> without the checksum of <see cref="VerifyChecksum"/>; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>All tensors, in the order of their data.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>
    /// Whether reading throws if a floating-point value is infinite or not a number after conversion to fp32. Meant for weights, where one
    /// such value silently spoils everything.
    /// </summary>
    public bool RequireFinite { get; }

    /// <summary>Opens and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="requireFinite">See <see cref="RequireFinite"/>.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, unreadable or malformed.</exception>
    /// <exception cref="PlatformNotSupportedException">The machine is big-endian.</exception>
    public static SafetensorsFile Open(string path, bool requireFinite = false)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("safetensors files are read on little-endian machines only");
        FileStream stream = InputFile.Open(path);
        try
        {
            byte[] json = ReadHeader(path, stream);
            long dataStart = SafetensorsHeader.PrefixBytes + json.Length;
            (List<SafetensorsEntry> entries, Dictionary<string, string> metadata) = SafetensorsHeader.Parse(path, json, stream.Length - dataStart);
            return new SafetensorsFile(path, requireFinite, stream, dataStart, entries, metadata);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Whether the file has a checksum, as <see cref="SafetensorsWriter"/> writes it.</summary>
    public bool HasChecksum => checksum is not null;

    /// <summary>
    /// Reads all data and compares them with the checksum that <see cref="SafetensorsWriter"/> keeps in the metadata. A file of another program, which has
    /// none, passes.
    /// </summary>
    /// <exception cref="InvalidFileException">The data or the metadata differ from those that were written, or the file has become shorter.</exception>
    /// <exception cref="IOException">The disk cannot be read.</exception>
    public void VerifyChecksum()
    {
        if (checksum is null)
            return;
        var found = new SafetensorsChecksum(Metadata);
        ReadData(found.Append);
        if (Encoding.ASCII.GetString(found.Text()) != checksum)
            throw new InvalidFileException(Path, $"its data or metadata do not match its checksum: it is damaged, or was edited without removing '{SafetensorsChecksum.Key}' from the metadata");
    }

    /// <summary>Reads all data and returns their hash, XXH128 in hexadecimal digits: the identity of the tensors, by name, type, shape and content, whatever the metadata say.</summary>
    /// <exception cref="InvalidFileException">The file has become shorter.</exception>
    /// <exception cref="IOException">The disk cannot be read.</exception>
    public string HashData()
    {
        var hash = new XxHash128();
        foreach (SafetensorsEntry entry in Entries)
            hash.Append(Encoding.UTF8.GetBytes($"{entry.Name} {entry.Type.FileName()} {SafetensorsEntry.FormatShape(entry.Shape.AsSpan())}\n"));
        ReadData(hash.Append);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Finds a tensor by name; null if there is none.</summary>
    public SafetensorsEntry? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>Returns a tensor by name.</summary>
    /// <exception cref="InvalidFileException">There is no tensor of that name.</exception>
    public SafetensorsEntry Require(string name) => Find(name) ?? throw new InvalidFileException(Path, $"no tensor '{name}'");

    /// <summary>Returns a tensor by name, of a given shape.</summary>
    /// <exception cref="InvalidFileException">There is no tensor of that name, or it has another shape.</exception>
    public SafetensorsEntry Require(string name, ReadOnlySpan<long> shape)
    {
        SafetensorsEntry entry = Require(name);
        if (entry.HasShape(shape))
            return entry;
        string found = SafetensorsEntry.FormatShape(entry.Shape.AsSpan());
        throw new InvalidFileException(Path, $"tensor '{name}' has shape {found}, expected {SafetensorsEntry.FormatShape(shape)}");
    }

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

    /// <summary>Closes the file.</summary>
    public void Dispose() => stream.Dispose();

    private static byte[] ReadHeader(string path, FileStream stream)
    {
        Span<byte> prefix = stackalloc byte[SafetensorsHeader.PrefixBytes];
        if (stream.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false) < prefix.Length)
            throw new InvalidFileException(path, $"is {stream.Length} bytes long, too short for a safetensors header");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > SafetensorsHeader.MaxBytes)
            throw new InvalidFileException(path, $"a header of {length} bytes exceeds the format's limit of {SafetensorsHeader.MaxBytes}: not a safetensors file");
        if (length > SafetensorsHeader.MaxAcceptedBytes)
            throw new InvalidFileException(path, $"has a header of {length} bytes, at most {SafetensorsHeader.MaxAcceptedBytes} are accepted");
        if (length > (ulong)(stream.Length - SafetensorsHeader.PrefixBytes))
            throw new InvalidFileException(path, $"a header of {length} bytes in a file of {stream.Length}: truncated, or not a safetensors file");
        byte[] json = new byte[length];
        if (stream.ReadAtLeast(json, json.Length, throwOnEndOfStream: false) < json.Length)
            throw new InvalidFileException(path, "became shorter while it was read");
        return json;
    }

    private void ReadData(Action<ReadOnlySpan<byte>> take)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            long left = Entries.Sum(entry => entry.ByteLength);
            for (long position = dataStart; left > 0;)
            {
                int read = RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(ChunkBytes, left)), position);
                if (read == 0)
                    throw new InvalidFileException(Path, "became shorter while it was read");
                take(buffer.AsSpan(0, read));
                position += read;
                left -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
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
