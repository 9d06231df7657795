using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>A data set of known bytes: pixel p of image i is a fixed function of both.</summary>
internal sealed class TestImages(int count, int height, int width, int channels, int labelCount = 0) : IImageDataset
{
    public int Count => count;

    public int Height => height;

    public int Width => width;

    public int Channels => channels;

    public int LabelCount => labelCount;

    /// <summary>Reading this image fails.</summary>
    public int BrokenImage { get; init; } = -1;

    public bool IsDecodedOnRead { get; init; }

    /// <summary>Called at each reading of an image, on its thread.</summary>
    public Action<int>? OnRead { get; init; }

    public static byte PixelOf(int index, int pixel) => (byte)(index * 31 + pixel * 7 + pixel * pixel);

    public void Read(int index, Span<byte> pixels)
    {
        OnRead?.Invoke(index);
        if (index == BrokenImage)
            throw new TimeoutException($"image {index} is gone");
        Assert.Equal(height * width * channels, pixels.Length);
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = PixelOf(index, i);
    }

    public int Label(int index) => labelCount == 0 ? -1 : index % labelCount;

    /// <summary>All bytes of a data set, image by image.</summary>
    public static byte[][] ReadAll(IImageDataset data)
    {
        byte[][] images = new byte[data.Count][];
        for (int i = 0; i < images.Length; i++)
            data.Read(i, images[i] = new byte[data.Height * data.Width * data.Channels]);
        return images;
    }

    public static int[] LabelsOf(IImageDataset data) => [.. Enumerable.Range(0, data.Count).Select(data.Label)];

    /// <summary>Images with their labels, both parts of a split together, in an order that the split does not change.</summary>
    public static string[] Inventory(DatasetSplit split) =>
    [
        .. new[] { split.Train, split.HeldOut }
            .SelectMany(data => ReadAll(data).Zip(LabelsOf(data), (image, label) => $"{label}:{Convert.ToHexString(image)}"))
            .Order(StringComparer.Ordinal),
    ];
}
