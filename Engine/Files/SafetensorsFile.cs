using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TrigFlowNative.Engine;

/// <summary>
/// A safetensors file open for reading. Opening checks the whole header before anything is allocated from it. Values are read from the
/// file on demand, so a file larger than memory can be walked. Several threads may read at once.
/// </summary>
public sealed partial class SafetensorsFile : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly FileStream stream;
    private readonly SafeFileHandle handle;
    private readonly long dataStart;
    private readonly Dictionary<string, SafetensorsEntry> byName;
    private readonly string? checksum;

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
}
