using System.IO.Compression;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Files;

/// <summary>What a zip archive may unpack to before it is refused.</summary>
/// <param name="MaxEntries">Number of entries.</param>
/// <param name="MaxEntryLength">Bytes of one entry, unpacked.</param>
/// <param name="MaxTotalLength">Bytes of all entries together, unpacked.</param>
internal readonly record struct ZipLimits(int MaxEntries, long MaxEntryLength, long MaxTotalLength);

/// <summary>
/// A zip archive that can't unpack to more than it may. Declared sizes are checked on opening; an entry is read up to its declared size
/// and no further, and its checksum must fit, so a lie about the size is a refusal and not an allocation.
/// </summary>
internal sealed class BoundedZip : IDisposable
{
    /// <summary>Deflate codes at most 258 bytes in 2 bits: no honest stream expands by more.</summary>
    internal const long MaxExpansion = 1032;

    private readonly string path;
    private readonly long archiveLength;
    private readonly ZipArchive archive;

    private BoundedZip(string path, long archiveLength, ZipArchive archive)
    {
        this.path = path;
        this.archiveLength = archiveLength;
        this.archive = archive;
    }

    /// <summary>The files in the archive, folders left out, in its own order.</summary>
    internal IReadOnlyList<ZipArchiveEntry> Entries { get; private set; } = [];

    /// <exception cref="InvalidFileException">Not a zip archive, damaged, or beyond the limits that fit its length.</exception>
    internal static BoundedZip Open(string path, Func<long, ZipLimits> limitsOfLength)
    {
        FileStream stream = InputFile.Open(path);
        ZipArchive? archive = null;
        try
        {
            archive = new ZipArchive(stream, ZipArchiveMode.Read);
            BoundedZip zip = new(path, stream.Length, archive);
            zip.Check(limitsOfLength(stream.Length));
            return zip;
        }
        catch (Exception e)
        {
            archive?.Dispose();
            stream.Dispose();
            if (e is InvalidDataException or IOException or NotSupportedException or ArgumentException)
                throw new InvalidFileException(path, $"is not a readable zip archive ({e.Message})", e);
            throw;
        }
    }

    /// <summary>The unpacked bytes of one entry.</summary>
    /// <exception cref="InvalidFileException">The entry is damaged, encrypted, or lies about its size.</exception>
    internal byte[] Read(ZipArchiveEntry entry)
    {
        if (entry.IsEncrypted)
            throw Refuse(entry, "is encrypted");
        if (entry.CompressedLength > archiveLength || entry.Length > MaxExpansion * entry.CompressedLength + MaxExpansion)
            throw Refuse(entry, $"declares {entry.Length} bytes, more than it can hold");
        byte[] bytes = new byte[entry.Length];
        try
        {
            using Stream stream = entry.Open();
            int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (read < bytes.Length)
                throw Refuse(entry, $"ends after {read} of {bytes.Length} bytes");
        }
        catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
        {
            throw Refuse(entry, $"can't be unpacked ({e.Message})", e);
        }

        return Crc32.Of(bytes) == entry.Crc32 ? bytes : throw Refuse(entry, "fails its checksum");
    }

    /// <summary>The exception that blames one entry.</summary>
    internal InvalidFileException Refuse(ZipArchiveEntry entry, string reason, Exception? inner = null) =>
        new(path, $"entry '{entry.FullName}' {reason}", inner);

    public void Dispose() => archive.Dispose();

    private void Check(ZipLimits limits)
    {
        if (archive.Entries.Count > limits.MaxEntries)
            throw new InvalidFileException(path, $"has {archive.Entries.Count} entries, at most {limits.MaxEntries} are accepted");
        List<ZipArchiveEntry> files = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        long total = 0;
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            if (entry.FullName.EndsWith('/') && entry.Length == 0)
                continue;
            if (!names.Add(entry.FullName))
                throw Refuse(entry, "appears twice");
            if (entry.Length < 0 || entry.Length > limits.MaxEntryLength)
                throw Refuse(entry, $"unpacks to {entry.Length} bytes, at most {limits.MaxEntryLength} are accepted");
            total += entry.Length;
            if (total > limits.MaxTotalLength)
                throw new InvalidFileException(path, $"unpacks to more than {limits.MaxTotalLength} bytes, which a file of {archiveLength} bytes should not");
            files.Add(entry);
        }

        Entries = files;
    }
}
