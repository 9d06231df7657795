using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Data;

/// <summary>The images of two sets of one size, one set after the other.</summary>
internal sealed class JoinedImages(IImageDataset first, IImageDataset second) : IImageDataset
{
    public int Count => first.Count + second.Count;

    public int Height => first.Height;

    public int Width => first.Width;

    public int Channels => first.Channels;

    public int LabelCount => first.LabelCount;

    public bool IsDecodedOnRead => first.IsDecodedOnRead;

    public LatentSpace? Latents => first.Latents;

    public int StoredBytes => first.StoredBytes;

    public ulong? ContentHash(int index) => index < first.Count ? first.ContentHash(index) : second.ContentHash(index - first.Count);

    public void Read(int index, Span<byte> pixels)
    {
        if (index < first.Count)
            first.Read(index, pixels);
        else
            second.Read(index - first.Count, pixels);
    }

    public int Label(int index) => index < first.Count ? first.Label(index) : second.Label(index - first.Count);
}
