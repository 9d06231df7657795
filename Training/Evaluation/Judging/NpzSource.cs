using System.IO.Compression;
using System.IO.Hashing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Samples in a NumPy archive: <c>arr_0</c>, uint8 (N, H, W, C), stored or deflated, as the field's programs and <c>trigflow sample</c> write them; labels and other arrays
/// are passed over. It is read as a stream, so that it may be larger than memory, and its checksum is compared at the end.
/// </summary>
internal sealed class NpzSource : IImageSource
{
    private const string EntryName = "arr_0.npy";
    private const int MaxEntries = 64, HeaderBytes = 1 << 16, BytesAtATime = 32 << 20, MaxSide = 16384, MaxImages = 10_000_000;

    private readonly string path;
    private readonly int stored;
    private readonly int[]? indices;

    /// <summary>Looks at an archive.</summary>
    /// <exception cref="InvalidFileException">The file is missing, damaged, or holds no such array.</exception>
    public NpzSource(string path)
    {
        this.path = path;
        using BoundedZip zip = Open();
        ZipArchiveEntry entry = Entry(zip);
        using Stream stream = entry.Open();
        int[] shape = ReadHeader(zip, entry, stream, out int start, out _);
        if (shape.Length != 4 || shape[0] is < 1 or > MaxImages || shape[1] is < 1 or > MaxSide || shape[2] is < 1 or > MaxSide || shape[3] is not (1 or 3))
            throw zip.Refuse(entry, $"has the shape ({string.Join(", ", shape)}), expected (N, H, W, 1 or 3), at most {MaxImages} images with sides up to {MaxSide}");
        Int128 expected = (Int128)shape[0] * shape[1] * shape[2] * shape[3];
        if (entry.Length - start != expected)
            throw zip.Refuse(entry, $"has {entry.Length - start} bytes of data, its shape ({string.Join(", ", shape)}) needs {expected}");
        (stored, Height, Width, Channels, Words) = (shape[0], shape[1], shape[2], shape[3], path);
    }

    private NpzSource(NpzSource whole, int[] indices, string chosen)
    {
        (path, stored, Height, Width, Channels) = (whole.path, whole.stored, whole.Height, whole.Width, whole.Channels);
        (this.indices, Words) = (indices, $"{whole.Words}, {chosen}");
    }

    public int Count => indices?.Length ?? stored;

    public int Height { get; }

    public int Width { get; }

    public int Channels { get; }

    public string Words { get; }

    /// <summary>Some of the images.</summary>
    /// <param name="rising">Their numbers, in rising order.</param>
    /// <param name="chosen">How they were chosen, in words.</param>
    public NpzSource Take(int[] rising, string chosen) => new(this, rising, chosen);

    public IEnumerable<ByteImages> Read()
    {
        using BoundedZip zip = Open();
        ZipArchiveEntry entry = Entry(zip);
        using Stream stream = entry.Open();
        _ = ReadHeader(zip, entry, stream, out int start, out byte[] head);
        var checksum = new Crc32();
        checksum.Append(head.AsSpan(0, start));
        int size = Height * Width * Channels, part = Math.Max(1, BytesAtATime / size), next = 0;
        byte[] buffer = new byte[part * size];
        for (int first = 0; first < stored; first += part)
        {
            int taken = Math.Min(part, stored - first);
            Fill(zip, entry, stream, buffer.AsSpan(0, taken * size));
            checksum.Append(buffer.AsSpan(0, taken * size));
            byte[] wanted = indices is null ? buffer[..(taken * size)] : Chosen(buffer, first, taken, size, ref next);
            if (wanted.Length > 0)
                yield return new ByteImages(wanted, wanted.Length / size, Height, Width, Channels);
        }

        if (checksum.GetCurrentHashAsUInt32() != entry.Crc32)
            throw zip.Refuse(entry, "fails its checksum");
    }

    private byte[] Chosen(byte[] buffer, int first, int taken, int size, ref int next)
    {
        using var wanted = new MemoryStream();
        for (; next < indices!.Length && indices[next] < first + taken; next++)
            wanted.Write(buffer, (indices[next] - first) * size, size);
        return wanted.ToArray();
    }

    private BoundedZip Open() => BoundedZip.Open(path, _ => new ZipLimits(MaxEntries, long.MaxValue / MaxEntries, long.MaxValue / 2));

    private ZipArchiveEntry Entry(BoundedZip zip)
    {
        ZipArchiveEntry entry = zip.Entries.FirstOrDefault(each => each.FullName == EntryName) ?? throw new InvalidFileException(path, "holds no array arr_0, the images of samples");
        return entry.IsEncrypted ? throw zip.Refuse(entry, "is encrypted") : entry;
    }

    /// <summary>Reads the header and no more.</summary>
    private static int[] ReadHeader(BoundedZip zip, ZipArchiveEntry entry, Stream stream, out int start, out byte[] head)
    {
        // The length of the header stands in its first 12 bytes.
        head = new byte[HeaderBytes + 12];
        Fill(zip, entry, stream, head.AsSpan(0, (int)Math.Min(12, entry.Length)));
        int length = head[6] == 1 ? 10 + head[8] + 256 * head[9] : 12 + head[8] + 256 * head[9];
        if (length > 12 && length <= head.Length)
            Fill(zip, entry, stream, head.AsSpan(12, length - 12));
        return NpyHeader.TryParse(head.AsSpan(0, Math.Clamp(length, 12, head.Length)), out int[] shape, out start, out string? reason) ? shape : throw zip.Refuse(entry, reason!);
    }

    private static void Fill(BoundedZip zip, ZipArchiveEntry entry, Stream stream, Span<byte> bytes)
    {
        try
        {
            if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
                throw zip.Refuse(entry, "ends too early");
        }
        catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
        {
            throw zip.Refuse(entry, $"can't be unpacked ({e.Message})", e);
        }
    }
}
