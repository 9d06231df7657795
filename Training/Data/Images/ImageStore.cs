using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>A data set in memory, filled by a reader. It takes several arrays, so that it can exceed 2 GiB.</summary>
internal sealed class ImageStore : IImageDataset
{
    private const int TargetBlockBytes = 64 << 20;

    // Deflate unpacks to at most 1032 times its size. A file that gives more than that in fitted images, beyond what is always accepted, has no more
    // content than a smaller set.
    private const long MaxExpansion = 1032;
    private const long AlwaysAcceptedBytes = 512 << 20;

    private readonly byte[][] blocks;
    private readonly int imagesPerBlock;
    private readonly int imageBytes;
    private readonly int[] labels;

    /// <summary>Allocates the memory.</summary>
    /// <param name="path">Origin of the images, for messages.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="resolution">Height and width in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <exception cref="InvalidFileException">There are no images, more than fit into memory, or more than a file of this length can hold.</exception>
    internal ImageStore(string path, long count, int resolution, int channels)
    {
        if (count < 1)
            throw new InvalidFileException(path, "holds no images");
        imageBytes = checked(resolution * resolution * channels);
        Int128 length = (Int128)count * imageBytes;
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (count > int.MaxValue || length > memory / 4 * 3)
            throw new InvalidFileException(path, $"holds {count} images, which need {length >> 20} MiB; this machine has {memory >> 20} MiB");
        if (length > MaxBytesFrom(path))
        {
            throw new InvalidFileException(path,
                $"holds {count} images, which need {length >> 20} MiB at {resolution} x {resolution} pixels, too many for a file of {new FileInfo(path).Length} bytes");
        }

        Count = (int)count;
        (Height, Width, Channels) = (resolution, resolution, channels);
        imagesPerBlock = Math.Max(1, TargetBlockBytes / imageBytes);
        blocks = new byte[(Count + imagesPerBlock - 1) / imagesPerBlock][];
        for (int i = 0; i < blocks.Length; i++)
            blocks[i] = new byte[Math.Min(imagesPerBlock, Count - i * imagesPerBlock) * imageBytes];
        labels = new int[Count];
        Array.Fill(labels, -1);
    }

    /// <summary>
    /// Most bytes of images to keep in memory from one file: 1032 times its length and at least 512 MiB, so that a small file costs no gigabytes; no
    /// limit for a folder.
    /// </summary>
    internal static long MaxBytesFrom(string path) =>
        new FileInfo(path) is { Exists: true } file ? Math.Max(AlwaysAcceptedBytes, Math.Min(file.Length, long.MaxValue / MaxExpansion) * MaxExpansion) : long.MaxValue;

    /// <summary>Bytes of all images of a data set.</summary>
    internal static long BytesOf(IImageDataset data) => (long)data.Count * data.Height * data.Width * data.Channels;

    public int Count { get; }

    public int Height { get; }

    public int Width { get; }

    public int Channels { get; }

    public int LabelCount { get; private set; }

    public void Read(int index, Span<byte> pixels)
    {
        if (pixels.Length != imageBytes)
            throw new ArgumentException($"an image has {imageBytes} bytes, the destination {pixels.Length}", nameof(pixels));
        Pixels(index).CopyTo(pixels);
    }

    public int Label(int index) => labels[index];

    /// <summary>Returns the memory of an image, (H, W, C), for the reader to fill.</summary>
    internal Span<byte> Pixels(int index) => blocks[index / imagesPerBlock].AsSpan(index % imagesPerBlock * imageBytes, imageBytes);

    /// <summary>Sets all labels, each in 0 to <paramref name="labelCount"/> - 1.</summary>
    internal void SetLabels(ReadOnlySpan<int> labels, int labelCount)
    {
        foreach (int label in labels)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(label);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(label, labelCount);
        }

        labels.CopyTo(this.labels);
        LabelCount = labelCount;
    }
}
