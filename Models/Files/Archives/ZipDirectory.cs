using System.Buffers.Binary;
using System.IO.Compression;

namespace TrigFlowNative.Models;

/// <summary>What the directory of a zip archive says about one entry, in the directory's order.</summary>
/// <param name="Flags">Bit 0: encrypted.</param>
/// <param name="Method">0: stored, 8: deflate.</param>
/// <param name="Checksum">CRC-32 of the unpacked bytes.</param>
/// <param name="PackedLength">Bytes in the archive.</param>
/// <param name="Length">Unpacked bytes.</param>
/// <param name="Offset">Position of the entry's own header in the archive.</param>
public readonly record struct ZipRecord(ushort Flags, ushort Method, uint Checksum, long PackedLength, long Length, long Offset);

/// <summary>Takes an entry of a zip archive's directory.</summary>
/// <param name="record">What the directory says about it.</param>
/// <param name="name">The bytes of its name, valid during the call.</param>
public delegate void ZipVisitor(ZipRecord record, ReadOnlySpan<byte> name);

/// <summary>
/// Walks the directory at the end of a zip archive without keeping it (PKWARE APPNOTE 6.3.10, sections 4.3.12 to 4.3.16), zip64 included.
/// <see cref="ZipArchive"/> keeps objects for all entries as soon as it is asked for one, and does not tell where an entry lies.
/// </summary>
public static class ZipDirectory
{
    private const int EndBytes = 22, End64Bytes = 56, LocatorBytes = 20, RecordBytes = 46;
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, LocatorSignature = 0x07064b50, RecordSignature = 0x02014b50;
    private const ushort Zip64Field = 1;

    /// <summary>Counts the entries; never keeps more than one.</summary>
    /// <exception cref="InvalidDataException">The archive has no directory, or it is damaged.</exception>
    /// <exception cref="IOException">The archive cannot be read.</exception>
    public static long Count(Stream archive)
    {
        long count = 0;
        Walk(archive, _ => count++);
        return count;
    }

    /// <summary>Calls <paramref name="visit"/> for each entry, without its name.</summary>
    /// <exception cref="InvalidDataException">The archive has no directory, or it is damaged.</exception>
    /// <exception cref="IOException">The archive cannot be read.</exception>
    public static void Walk(Stream archive, Action<ZipRecord> visit)
    {
        ArgumentNullException.ThrowIfNull(visit);
        Walk(archive, (record, _) => visit(record));
    }

    /// <summary>Calls <paramref name="visit"/> for each entry.</summary>
    /// <exception cref="InvalidDataException">The archive has no directory, or it is damaged.</exception>
    /// <exception cref="IOException">The archive cannot be read.</exception>
    public static void Walk(Stream archive, ZipVisitor visit)
    {
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(visit);
        (long start, long end) = Find(archive);
        archive.Position = start;
        BufferedStream directory = new(archive, 1 << 16);
        Span<byte> record = stackalloc byte[RecordBytes];
        byte[] extra = new byte[ushort.MaxValue], text = new byte[ushort.MaxValue];
        while (start + RecordBytes <= end && directory.ReadAtLeast(record, RecordBytes, throwOnEndOfStream: false) == RecordBytes
            && BinaryPrimitives.ReadUInt32LittleEndian(record) == RecordSignature)
        {
            int name = U16(record, 28), fields = U16(record, 30), comment = U16(record, 32);
            start += RecordBytes + name + fields + comment;
            if (start > end)
                throw new InvalidDataException("its directory ends within an entry");
            directory.ReadExactly(text, 0, name);
            directory.ReadExactly(extra, 0, fields);
            ZipRecord parsed = Parse(record, extra.AsSpan(0, fields));
            directory.ReadExactly(extra, 0, comment);
            visit(parsed, text.AsSpan(0, name));
        }
    }

    private static ZipRecord Parse(ReadOnlySpan<byte> record, ReadOnlySpan<byte> extra)
    {
        long packed = U32(record, 20), length = U32(record, 24), offset = U32(record, 42);
        while (extra.Length >= 4)
        {
            int size = Math.Min(U16(extra, 2), extra.Length - 4);
            if (U16(extra, 0) == Zip64Field)
            {
                // The field holds, in this order, only the numbers that do not fit into 32 bits.
                ReadOnlySpan<byte> values = extra.Slice(4, size);
                Widen(ref length, ref values);
                Widen(ref packed, ref values);
                Widen(ref offset, ref values);
                break;
            }

            extra = extra[(4 + size)..];
        }

        return new ZipRecord((ushort)U16(record, 8), (ushort)U16(record, 10), U32(record, 16), packed, length, offset);
    }

    private static void Widen(ref long value, ref ReadOnlySpan<byte> values)
    {
        if (value != uint.MaxValue || values.Length < 8)
            return;
        value = BinaryPrimitives.ReadInt64LittleEndian(values);
        values = values[8..];
    }

    /// <summary>Where the directory starts, and where at the latest it ends.</summary>
    private static (long Start, long End) Find(Stream archive)
    {
        byte[] tail = new byte[Math.Min(archive.Length, EndBytes + ushort.MaxValue)];
        archive.Position = archive.Length - tail.Length;
        archive.ReadExactly(tail);
        int at = tail.Length - EndBytes;
        while (at >= 0 && U32(tail, at) != EndSignature)
            at--;
        if (at < 0)
            throw new InvalidDataException("it has no directory at its end");
        long end = archive.Length - tail.Length + at;
        (long count, long start) = (U16(tail, at + 10), U32(tail, at + 16));
        if ((count == ushort.MaxValue || start == uint.MaxValue) && at >= LocatorBytes && U32(tail, at - LocatorBytes) == LocatorSignature)
        {
            end = BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - LocatorBytes + 8));
            byte[] end64 = new byte[End64Bytes];
            if (end < 0 || end > archive.Length - End64Bytes)
                throw new InvalidDataException("its directory lies outside it");
            archive.Position = end;
            archive.ReadExactly(end64);
            if (U32(end64, 0) != End64Signature)
                throw new InvalidDataException("its zip64 directory is damaged");
            start = BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(48));
        }

        return start >= 0 && start <= end ? (start, end) : throw new InvalidDataException("its directory lies outside it");
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
