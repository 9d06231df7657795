using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>A data set in memory, filled by a reader. It takes several arrays, so that it can exceed 2 GiB.</summary>
internal sealed class ImageStore : IImageDataset
{
    private const int TargetBlockBytes = 64 << 20;

    private readonly byte[][] blocks;
    private readonly int imagesPerBlock;
    private readonly int imageBytes;
    private readonly int[] labels;

    /// <summary>Allocates the memory.</summary>
    /// <param name="path">Origin of the images, for messages.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="resolution">Height and width in pixels.</param>
    /// <param name="channels">1 or 3.</param>
    /// <exception cref="InvalidFileException">There are no images, or more than fit into memory.</exception>
    internal ImageStore(string path, long count, int resolution, int channels)
    {
        if (count < 1)
            throw new InvalidFileException(path, "holds no images");
        imageBytes = checked(resolution * resolution * channels);
        Int128 length = (Int128)count * imageBytes;
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (count > int.MaxValue || length > memory / 4 * 3)
            throw new InvalidFileException(path, $"holds {count} images, which need {length >> 20} MiB; this machine has {memory >> 20} MiB");

        Count = (int)count;
        (Height, Width, Channels) = (resolution, resolution, channels);
        imagesPerBlock = Math.Max(1, TargetBlockBytes / imageBytes);
        blocks = new byte[(Count + imagesPerBlock - 1) / imagesPerBlock][];
        for (int i = 0; i < blocks.Length; i++)
            blocks[i] = new byte[Math.Min(imagesPerBlock, Count - i * imagesPerBlock) * imageBytes];
        labels = new int[Count];
        Array.Fill(labels, -1);
    }

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
