using System.IO.Compression;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Files;

/// <summary>
/// Image batches as NumPy archives with one array <c>arr_0</c>, uint8 (N, H, W, C), as the field's evaluation programs expect
/// (<c>numpy.load(path)["arr_0"]</c>).
/// </summary>
public static class Npz
{
    private const string EntryName = "arr_0.npy";

    // Archives of other programs hold a few more arrays, labels for example; only the first one is unpacked.
    private const int MaxEntries = 64;

    /// <summary>Writes an archive through <see cref="AtomicFile"/>, uncompressed; the same images give the same bytes.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ByteImages images)
    {
        ArgumentNullException.ThrowIfNull(images);
        Write(path, images.Count, images.Height, images.Width, images.Channels, [images]);
    }

    /// <summary>Writes the same archive from parts that are asked for one after another, so that it may be larger than memory.</summary>
    /// <param name="path">The archive, replaced when it is complete.</param>
    /// <param name="count">Number of images of all parts together.</param>
    /// <param name="height">Height of the images in pixels.</param>
    /// <param name="width">Width of the images in pixels.</param>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="parts">The images in order.</param>
    /// <exception cref="ArgumentException">The parts hold another number of images, or images of other extents; no archive appears.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, int count, int height, int width, int channels, IEnumerable<ByteImages> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        Write(path, NpyHeader.Format([count, height, width, channels]), content =>
        {
            int written = 0;
            foreach (ByteImages images in parts)
            {
                if ((images.Height, images.Width, images.Channels) != (height, width, channels))
                    throw new ArgumentException($"a part has images of {images.Height}x{images.Width}x{images.Channels}, not {height}x{width}x{channels}", nameof(parts));
                content.Write(images.Pixels.Span);
                written += images.Count;
            }

            if (written != count)
                throw new ArgumentException($"the parts hold {written} images, not {count}", nameof(parts));
        });
    }

    /// <summary>Writes an archive of raw latents instead, fp32 (N, C, H, W), from parts.</summary>
    /// <param name="path">The archive, replaced when it is complete.</param>
    /// <param name="shape">N, C, H and W.</param>
    /// <param name="parts">The numbers in order.</param>
    /// <exception cref="ArgumentException">The parts hold another number of numbers; no archive appears.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteLatents(string path, ReadOnlySpan<int> shape, IEnumerable<float[]> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        long expected = shape.ToArray().Aggregate(1L, (product, extent) => product * extent);
        Write(path, NpyHeader.Format(shape, NpyHeader.Float32), content =>
        {
            long written = 0;
            foreach (float[] part in parts)
            {
                content.Write(MemoryMarshal.AsBytes<float>(part));
                written += part.Length;
            }

            if (written != expected)
                throw new ArgumentException($"the parts hold {written} numbers, not {expected}", nameof(parts));
        });
    }

    private static void Write(string path, byte[] header, Action<Stream> write) => AtomicFile.Write(path, stream =>
    {
        using ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true);
        ZipArchiveEntry entry = archive.CreateEntry(EntryName, CompressionLevel.NoCompression);

        // The time is the start of zip's calendar instead of now, so that equal images give equal files.
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using Stream content = entry.Open();
        content.Write(header);
        write(content);
    });

    /// <summary>Reads <c>arr_0</c> of an archive of <see cref="Write(string, ByteImages)"/> or <c>numpy.savez</c>, compressed or not; other arrays are ignored.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="maxBytes">Largest unpacked size of the array, in bytes.</param>
    /// <exception cref="InvalidFileException">The file is missing, is not such an archive, is damaged, or is larger than allowed.</exception>
    public static ByteImages Read(string path, long maxBytes = 1L << 30)
    {
        long limit = Math.Min(maxBytes, Array.MaxLength);
        using BoundedZip zip = BoundedZip.Open(path, _ => new ZipLimits(MaxEntries, limit, MaxEntries * limit));
        ZipArchiveEntry entry = zip.Entries.FirstOrDefault(entry => entry.FullName == EntryName)
            ?? throw new InvalidFileException(path, "holds no array arr_0");
        byte[] bytes = zip.Read(entry);
        if (!NpyHeader.TryParse(bytes, out int[] shape, out int dataStart, out string? reason))
            throw zip.Refuse(entry, reason!);
        if (shape.Length != 4 || shape[1] < 1 || shape[2] < 1 || shape[3] is not (1 or 3))
            throw zip.Refuse(entry, $"has the shape ({string.Join(", ", shape)}), expected (N, H, W, 1 or 3)");

        // Extents are 31 bits each; 128 bits hold any product of four.
        Int128 expected = (Int128)shape[0] * shape[1] * shape[2] * shape[3];
        if (expected != bytes.Length - dataStart)
            throw zip.Refuse(entry, $"has {bytes.Length - dataStart} bytes of data, its shape ({string.Join(", ", shape)}) needs {expected}");
        return new ByteImages(bytes.AsMemory(dataStart), shape[0], shape[1], shape[2], shape[3]);
    }
}
