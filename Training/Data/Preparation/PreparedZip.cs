using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Writes pictures as a data set in EDM's form: a zip whose entries are stored, not deflated, 00000/img00000000.png and so on, uncompressed PNG of one size in colour, in
/// the order of the source's names, and dataset.json with their classes and, beside what EDM's tools read, the classes' names. The same pictures give the same bytes.
/// </summary>
internal static class PreparedZip
{
    private const int MaxImages = 100_000_000, ImagesAtATime = 1024;

    /// <summary>Writes the archive, whole or not at all.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="source">A folder or a zip archive of PNG and JPEG files.</param>
    /// <param name="size">Height and width of the pictures in pixels.</param>
    /// <param name="progress">Told the number of pictures written, after each part.</param>
    /// <returns>Number of pictures, and of classes; 0 if there are none.</returns>
    /// <exception cref="InvalidFileException">A picture is not readable; the message names the first. Or the source holds latents, or more pictures than names have digits for.</exception>
    /// <exception cref="IOException">The archive cannot be written.</exception>
    internal static (int Images, int Classes) Write(string path, EncodedImages source, int size, Action<int>? progress = null)
    {
        (IEntryReader reader, int count, int[]? labels) = source.OpenPictures();
        using IEntryReader closed = reader;
        if (count > MaxImages)
            throw reader.Refuse(MaxImages, "is one picture too many: names have eight digits");
        CentreCrop crop = new(size);
        AtomicFile.Write(path, stream =>
        {
            using ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true);
            byte[][] encoded = new byte[ImagesAtATime][];
            for (int first = 0; first < count; first += ImagesAtATime)
            {
                int start = first, taken = Math.Min(ImagesAtATime, count - first);
                OrderedLoop.Run(taken, () => new byte[3 * size * size], (i, pixels) => encoded[i] = Encode(reader, start + i, crop, size, pixels));
                for (int i = 0; i < taken; i++)
                    Add(archive, NameOf(first + i), encoded[i]);
                progress?.Invoke(first + taken);
            }

            Add(archive, DatasetLabels.FileName, Json(labels, labels is null ? [] : source.ClassNames));
        });
        return (count, labels is null ? 0 : Math.Max(labels.Max() + 1, source.ClassNames.Count));
    }

    private static byte[] Encode(IEntryReader reader, int index, CentreCrop crop, int size, byte[] pixels)
    {
        using RentedBytes file = reader.Read(index);
        string? fault = null;
        return (ImageDecoder.Decode(file.Span, view => fault = crop.Apply(view, pixels), ImageDecoder.Budget) ?? fault) is string reason
            ? throw reader.Refuse(index, reason)
            : PngImage.Encode(pixels, size, size, channels: 3);
    }

    private static void Add(ZipArchive archive, string name, ReadOnlySpan<byte> content)
    {
        ZipArchiveEntry entry = archive.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // zip's first day, so that equal pictures give equal files
        using Stream stream = entry.Open();
        stream.Write(content);
    }

    private static byte[] Json(int[]? labels, IReadOnlyList<string> classNames)
    {
        if (labels is null)
            return "{\"labels\": null}"u8.ToArray();
        StringBuilder text = new("{\"labels\": [");
        for (int i = 0; i < labels.Length; i++)
            text.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? ", " : "")}[\"{NameOf(i)}\", {labels[i]}]");
        text.Append(']');
        if (classNames.Count > 0)
            text.Append(", \"").Append(DatasetLabels.NamesKey).Append("\": ").Append(JsonSerializer.Serialize(classNames));
        return Encoding.UTF8.GetBytes(text.Append('}').ToString());
    }

    private static string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"{index / 1000:D5}/img{index:D8}.png");
}
