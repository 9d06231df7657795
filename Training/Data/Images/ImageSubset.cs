using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Data;

/// <summary>A subset of a data set, in the order of the given indices.</summary>
internal sealed class ImageSubset(IImageDataset whole, int[] indices) : IImageDataset
{
    public int Count => indices.Length;

    public int Height => whole.Height;

    public int Width => whole.Width;

    public int Channels => whole.Channels;

    public int LabelCount => whole.LabelCount;

    public bool IsDecodedOnRead => whole.IsDecodedOnRead;

    public LatentSpace? Latents => whole.Latents;

    public int StoredBytes => whole.StoredBytes;

    public ulong? ContentHash(int index) => whole.ContentHash(indices[index]);

    public void Read(int index, Span<byte> pixels) => whole.Read(indices[index], pixels);

    public int Label(int index) => whole.Label(indices[index]);
}
