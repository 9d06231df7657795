using System.IO.Compression;
using System.IO.Hashing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Files;

/// <summary>Limits beyond which a zip archive is refused.</summary>
/// <param name="MaxEntries">Number of entries.</param>
/// <param name="MaxEntryBytes">Unpacked bytes of one entry.</param>
/// <param name="MaxTotalBytes">Unpacked bytes of all entries together.</param>
internal readonly record struct ZipLimits(int MaxEntries, long MaxEntryBytes, long MaxTotalBytes);

/// <summary>
/// A zip archive whose unpacked size is limited. Declared sizes are checked on opening. An entry is read only up to its declared size,
/// and its checksum must match, so that a false size leads to a refusal, not to an allocation.
/// </summary>
internal sealed class BoundedZip : IDisposable
{
    /// <summary>Largest ratio of unpacked to packed bytes in a deflate stream, which codes at most 258 bytes in 2 bits.</summary>
    internal const long MaxExpansion = 1032;

    // Memory that an entry takes in the archive's list while it is open, with its name.
    private const long EntryBytes = 500;

    private readonly string path;
    private readonly long archiveLength;
    private readonly ZipArchive archive;

    private BoundedZip(string path, long archiveLength, ZipArchive archive)
    {
        this.path = path;
        this.archiveLength = archiveLength;
        this.archive = archive;
    }

    /// <summary>The files in the archive without its folders, in the archive's order.</summary>
    internal IReadOnlyList<ZipArchiveEntry> Entries { get; private set; } = [];

    /// <summary>Names of the folders that have entries of their own, as they stand in the archive.</summary>
    internal IReadOnlyList<string> Folders { get; private set; } = [];

    /// <summary>Opens an archive and checks it against limits.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="limitsOfLength">The limits of an archive with a given number of bytes.</param>
    /// <exception cref="InvalidFileException">The file is missing, is not a zip archive, is damaged, or is beyond the limits.</exception>
    internal static BoundedZip Open(string path, Func<long, ZipLimits> limitsOfLength)
    {
        FileStream stream = InputFile.Open(path);
        ZipArchive? archive = null;
        try
        {
            ZipLimits limits = limitsOfLength(stream.Length);
            CheckCount(path, ZipDirectory.Count(stream), limits);
            archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: false, ZipNameEncoding.Instance);
            BoundedZip zip = new(path, stream.Length, archive);
            zip.Check(limits);
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

    /// <summary>Reads and unpacks one entry.</summary>
    /// <exception cref="InvalidFileException">The entry is damaged, encrypted, or declares a false size.</exception>
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

        return Crc32.HashToUInt32(bytes) == entry.Crc32 ? bytes : throw Refuse(entry, "fails its checksum");
    }

    /// <summary>Returns a reader of these entries, in this order, for several threads. It stays usable when this archive is disposed.</summary>
    /// <param name="entries">Entries of this archive, each once.</param>
    /// <exception cref="InvalidFileException">The archive has changed, or cannot be opened again.</exception>
    internal IEntryReader OpenReader(IReadOnlyList<ZipArchiveEntry> entries)
    {
        Dictionary<ZipArchiveEntry, int> places = new(entries.Count, ReferenceEqualityComparer.Instance);
        string[] names = new string[entries.Count];
        for (int i = 0; i < names.Length; i++)
        {
            places.Add(entries[i], i);
            names[i] = entries[i].FullName;
        }

        // The archive lists its entries in the directory's order.
        ZipRecord[] records = new ZipRecord[names.Length];
        int next = 0;
        using FileStream stream = InputFile.Open(path);
        ZipDirectory.Walk(stream, record =>
        {
            ZipArchiveEntry? entry = next < archive.Entries.Count ? archive.Entries[next++] : null;
            if (entry is null || (entry.Crc32, entry.Length, entry.CompressedLength) != (record.Checksum, record.Length, record.PackedLength))
                throw new InvalidFileException(path, "changed while it was read");
            if (places.TryGetValue(entry, out int place))
                records[place] = record;
        });
        return new ZipEntryReader(path, names, records);
    }

    /// <summary>Creates the exception for a faulty entry.</summary>
    internal InvalidFileException Refuse(ZipArchiveEntry entry, string reason, Exception? inner = null) =>
        new(path, $"entry '{entry.FullName}' {reason}", inner);

    public void Dispose() => archive.Dispose();

    // Counted before the archive is asked for its entries, for each of which it makes an object.
    private static void CheckCount(string path, long count, ZipLimits limits)
    {
        if (count > limits.MaxEntries)
            throw new InvalidFileException(path, $"has {count} entries, at most {limits.MaxEntries} are accepted");
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (count * EntryBytes > memory / 4)
            throw new InvalidFileException(path, $"has {count} entries, whose list needs {count * EntryBytes >> 20} MiB; this machine has {memory >> 20} MiB");
    }

    private void Check(ZipLimits limits)
    {
        List<ZipArchiveEntry> files = [];
        List<string> folders = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        long total = 0;
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            if (entry.Length == 0 && entry.FullName is [.., '/' or '\\'])
            {
                folders.Add(entry.FullName);
                continue;
            }

            if (!names.Add(entry.FullName))
                throw Refuse(entry, "appears twice");
            if (entry.Length < 0 || entry.Length > limits.MaxEntryBytes)
                throw Refuse(entry, $"unpacks to {entry.Length} bytes, at most {limits.MaxEntryBytes} are accepted");
            total += entry.Length;
            if (total > limits.MaxTotalBytes)
                throw new InvalidFileException(path, $"unpacks to more than {limits.MaxTotalBytes} bytes, too many for an archive of {archiveLength} bytes");
            files.Add(entry);
        }

        Entries = files;
        Folders = folders;
    }
}
