using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>A data set held in memory, filled by a reader. Several arrays, so that more than 2 GiB fit.</summary>
internal sealed class ImageStore : IImageDataset
{
    private const int TargetBlockLength = 64 << 20;

    private readonly byte[][] blocks;
    private readonly int imagesPerBlock;
    private readonly int imageLength;
    private readonly int[] labels;

    /// <param name="path">Where the images come from, for messages.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="resolution">Height and width.</param>
    /// <param name="channels">1 or 3.</param>
    /// <exception cref="InvalidFileException">There are no images, or more than fit in memory.</exception>
    internal ImageStore(string path, long count, int resolution, int channels)
    {
        if (count < 1)
            throw new InvalidFileException(path, "holds no images");
        imageLength = checked(resolution * resolution * channels);
        Int128 length = (Int128)count * imageLength;
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (count > int.MaxValue || length > memory / 4 * 3)
            throw new InvalidFileException(path, $"{count} images need {length >> 20} MiB, this machine has {memory >> 20}");

        Count = (int)count;
        (Height, Width, Channels) = (resolution, resolution, channels);
        imagesPerBlock = Math.Max(1, TargetBlockLength / imageLength);
        blocks = new byte[(Count + imagesPerBlock - 1) / imagesPerBlock][];
        for (int i = 0; i < blocks.Length; i++)
            blocks[i] = new byte[Math.Min(imagesPerBlock, Count - i * imagesPerBlock) * imageLength];
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
        if (pixels.Length != imageLength)
            throw new ArgumentException($"an image has {imageLength} bytes, the destination {pixels.Length}", nameof(pixels));
        Pixels(index).CopyTo(pixels);
    }

    public int Label(int index) => labels[index];

    /// <summary>The image's own memory, (H, W, C), for the reader to fill.</summary>
    internal Span<byte> Pixels(int index) => blocks[index / imagesPerBlock].AsSpan(index % imagesPerBlock * imageLength, imageLength);

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
