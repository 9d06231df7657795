using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SkiaSharp;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>The formats of data sets, each read as --data reads it.</summary>
internal static class ImageFormats
{
    private const int Resolution = 8, Channels = 3, Images = 4;

    /// <summary>Every format, in the order of tables.</summary>
    public static IReadOnlyList<FileFormat> All { get; } =
    [
        new("png", Structure.Bytes, HasChecksum: false, (folder, _) => Encoded(folder, SKEncodedImageFormat.Png, "png")),
        new("jpeg", Structure.Bytes, HasChecksum: false, (folder, _) => Encoded(folder, SKEncodedImageFormat.Jpeg, "jpg")),
        new("dataset.json", Structure.Text, HasChecksum: false, (folder, _) => Labels(folder)),
        new("zip", Structure.Bytes, HasChecksum: false, (folder, _) => Zip(folder)),
        new("cifar", Structure.Bytes, HasChecksum: false, (folder, _) => Written(Path.Combine(folder, "data_batch_1.bin"), NoiseImages.Cifar(images: 3))),
        new("idx", Structure.Bytes, HasChecksum: false, (folder, _) => Idx(folder, packed: false, labels: false)),
        new("idx.gz", Structure.Bytes, HasChecksum: false, (folder, _) => Idx(folder, packed: true, labels: false)),
        new("idx-labels", Structure.Bytes, HasChecksum: false, (folder, _) => Idx(folder, packed: false, labels: true)),
    ];

    private static FileSample Encoded(string folder, SKEncodedImageFormat format, string extension)
    {
        for (int i = 0; i < Images; i++)
            File.WriteAllBytes(Path.Combine(folder, $"img{i}.{extension}"), Encode(format, i));
        return new FileSample(Path.Combine(folder, $"img1.{extension}"), () => Read(folder));
    }

    private static FileSample Labels(string folder)
    {
        Encoded(folder, SKEncodedImageFormat.Png, "png");
        return Written(Path.Combine(folder, "dataset.json"), Encoding.UTF8.GetBytes(LabelText()), folder);
    }

    private static FileSample Zip(string folder)
    {
        using var packed = new MemoryStream();
        using (var archive = new ZipArchive(packed, ZipArchiveMode.Create, leaveOpen: true))
        {
            for (int i = 0; i < Images; i++)
                Add($"img{i}.png", Encode(SKEncodedImageFormat.Png, i));
            Add("dataset.json", Encoding.UTF8.GetBytes(LabelText()));

            void Add(string name, byte[] bytes)
            {
                ZipArchiveEntry entry = archive.CreateEntry(name);
                entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using Stream content = entry.Open();
                content.Write(bytes);
            }
        }

        return Written(Path.Combine(folder, "images.zip"), packed.ToArray());
    }

    private static FileSample Idx(string folder, bool packed, bool labels)
    {
        string suffix = packed ? ".gz" : "", images = Path.Combine(folder, "train-images.idx3-ubyte" + suffix), classes = Path.Combine(folder, "train-labels.idx1-ubyte" + suffix);
        FileSample first = Written(images, Pack(IdxBytes([5, 12, 12])), images), second = Written(classes, Pack([.. IdxBytes([5])[..8], 0, 1, 2, 1, 0]), images);
        return labels ? second : first;

        byte[] Pack(byte[] bytes)
        {
            if (!packed)
                return bytes;
            using var result = new MemoryStream();
            using (var gzip = new GZipStream(result, CompressionLevel.Optimal))
                gzip.Write(bytes);
            return result.ToArray();
        }
    }

    private static byte[] IdxBytes(int[] extents)
    {
        byte[] head = new byte[4 + 4 * extents.Length];
        (head[2], head[3]) = (8, (byte)extents.Length);
        for (int i = 0; i < extents.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(4 + 4 * i), extents[i]);
        return [.. head, .. NoiseImages.Bytes(extents.Aggregate(1, (a, b) => a * b))];
    }

    /// <summary>Writes a sample that is read by its own path, or by that of a data set to which it belongs.</summary>
    private static FileSample Written(string path, byte[] bytes, string? dataset = null)
    {
        File.WriteAllBytes(path, bytes);
        return new FileSample(path, () => Read(dataset ?? path));
    }

    private static string LabelText() => $"{{\"labels\": [{string.Join(", ", Enumerable.Range(0, Images).Select(i => $"[\"img{i}.png\", {i % 3}]"))}]}}";

    private static byte[] Encode(SKEncodedImageFormat format, int seed)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(12, 10, SKColorType.Rgba8888, SKAlphaType.Opaque));
        byte[] noise = NoiseImages.Bytes(12 * 10 * 3, seed);
        for (int i = 0; i < 120; i++)
            bitmap.SetPixel(i % 12, i / 12, new SKColor(noise[3 * i], noise[3 * i + 1], noise[3 * i + 2]));
        using SKData data = bitmap.Encode(format, quality: 90);
        return data.ToArray();
    }

    /// <summary>Opens a data set and reads every image of it.</summary>
    private static byte[] Read(string dataset)
    {
        DatasetSplit split = ImageDataset.Open(dataset, Resolution, Channels);
        var content = new List<byte>();
        byte[] pixels = new byte[Resolution * Resolution * Channels];
        foreach (IImageDataset part in (IImageDataset[])[split.Train, split.HeldOut])
        {
            for (int i = 0; i < part.Count; i++)
            {
                part.Read(i, pixels);
                content.AddRange(pixels);
                content.Add((byte)part.Label(i));
            }
        }

        return [.. content];
    }
}
