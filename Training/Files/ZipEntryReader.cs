using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Files;

/// <summary>
/// Reads entries of a zip archive from several threads, which <see cref="ZipArchive"/> cannot. For each entry it keeps only where it lies, so that
/// a million entries take tens of megabytes.
/// </summary>
internal sealed class ZipEntryReader : IEntryReader
{
    private const int LocalBytes = 30;
    private const uint LocalSignature = 0x04034b50;

    // A local header repeats the name and adds fields, so its length is known only once it is read. Most fit into this.
    private const int LocalGuess = 256;

    private const ushort Stored = 0, Deflate = 8;

    private readonly string path;
    private readonly string[] names;
    private readonly ZipRecord[] records;
    private readonly SafeFileHandle handle;
    private readonly long archiveLength;

    /// <summary>Opens the archive anew.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="names">Names of the entries, for messages.</param>
    /// <param name="records">The entries.</param>
    /// <exception cref="InvalidFileException">The archive cannot be opened.</exception>
    internal ZipEntryReader(string path, string[] names, ZipRecord[] records)
    {
        (this.path, this.names, this.records) = (path, names, records);
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidFileException(path, $"cannot be opened ({e.Message})", e);
        }

        archiveLength = RandomAccess.GetLength(handle);
    }

    public long Length(int index) => records[index].PackedLength + records[index].Length;

    public long ContentLength(int index) => records[index].Length;

    public uint? Checksum(int index) => records[index].Checksum;

    public RentedBytes Read(int index)
    {
        ZipRecord record = records[index];
        if ((record.Flags & 1) != 0)
            throw Refuse(index, "is encrypted");
        if (record.PackedLength > archiveLength || record.Length > Array.MaxLength
            || record.Length > BoundedZip.MaxExpansion * record.PackedLength + BoundedZip.MaxExpansion)
        {
            throw Refuse(index, $"declares {record.Length} bytes, more than it can hold");
        }

        try
        {
            return ReadChecked(index, record);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw Refuse(index, $"can't be unpacked ({e.Message})", e);
        }
    }

    public InvalidFileException Refuse(int index, string reason, Exception? inner = null) => new(path, $"entry '{names[index]}' {reason}", inner);

    public void Dispose() => handle.Dispose();

    private RentedBytes ReadChecked(int index, ZipRecord record)
    {
        using RentedBytes packed = new(checked((int)record.PackedLength + LocalGuess));
        int read = ReadAt(record.Offset, packed.Span);
        if (read < LocalBytes || BinaryPrimitives.ReadUInt32LittleEndian(packed.Span) != LocalSignature)
            throw new InvalidDataException("its header is not where the directory says");
        int head = LocalBytes + BinaryPrimitives.ReadUInt16LittleEndian(packed.Span[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(packed.Span[28..]);
        if (head > LocalGuess)
            (read, head) = (ReadAt(record.Offset + head, packed.Span), 0);
        if (read < head + record.PackedLength)
            throw new InvalidDataException("the archive ends within it");

        RentedBytes content = new((int)record.Length);
        try
        {
            int length = Unpack(record, packed.Array, head, content.Span);
            if (length < content.Span.Length)
                throw Refuse(index, $"ends after {length} of {content.Span.Length} bytes");
            if (Crc32.HashToUInt32(content.Span) != record.Checksum)
                throw Refuse(index, "fails its checksum");
            return content;
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    private static int Unpack(ZipRecord record, byte[] packed, int start, Span<byte> content)
    {
        if (record.Method == Stored)
        {
            Span<byte> bytes = packed.AsSpan(start, (int)Math.Min(record.PackedLength, content.Length));
            bytes.CopyTo(content);
            return bytes.Length;
        }

        if (record.Method != Deflate)
            throw new InvalidDataException($"its compression has the number {record.Method}, expected 0 or 8");
        using DeflateStream inflated = new(new MemoryStream(packed, start, (int)record.PackedLength, writable: false), CompressionMode.Decompress);
        return inflated.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
    }

    private int ReadAt(long offset, Span<byte> bytes)
    {
        int done = 0;
        while (done < bytes.Length && RandomAccess.Read(handle, bytes[done..], offset + done) is > 0 and int read)
            done += read;
        return done;
    }
}
