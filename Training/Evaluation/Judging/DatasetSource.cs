using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Images of a data set, decoded on all cores.</summary>
internal sealed class DatasetSource(IImageDataset images, string words) : IImageSource
{
    private const int BytesAtATime = 32 << 20;

    public int Count => images.Count;

    public int Height => images.Height;

    public int Width => images.Width;

    public int Channels => images.Channels;

    public string Words => words;

    /// <summary>Some of the images.</summary>
    /// <param name="indices">Their numbers, in the wanted order.</param>
    /// <param name="chosen">How they were chosen, in words.</param>
    public DatasetSource Take(int[] indices, string chosen) => new(new ImageSubset(images, indices), $"{words}, {chosen}");

    public IEnumerable<ByteImages> Read()
    {
        int size = Height * Width * Channels, part = Math.Max(1, BytesAtATime / size);
        for (int first = 0; first < Count; first += part)
        {
            int from = first, taken = Math.Min(part, Count - first);
            byte[] pixels = new byte[taken * size];
            OrderedLoop.Run(taken, () => 0, (i, _) => images.Read(from + i, pixels.AsSpan(i * size, size)));
            yield return new ByteImages(pixels, taken, Height, Width, Channels);
        }
    }
}
