using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Data;

/// <summary>Images spread evenly over a data set, kept as they are stored, which become the same values of the model each time: unmirrored, and latents with the same noise.</summary>
internal sealed class FixedImages
{
    private readonly byte[] stored;
    private readonly int[] labels;
    private readonly int storedLength, imageLength;
    private readonly LatentSpace? space;
    private readonly ulong seed;

    /// <summary>Reads the images numbered i N / count of a data set of N images.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="count">Number of images, at least 1; all are taken if the set holds fewer.</param>
    /// <param name="seed">Seed of the noise of latents.</param>
    /// <exception cref="ArgumentException">The images have 2^31 bytes or more.</exception>
    /// <exception cref="IOException">An image cannot be read.</exception>
    public FixedImages(IImageDataset data, int count, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        (storedLength, imageLength, space, this.seed) = (data.StoredBytes, data.Height * data.Width * data.Channels, data.Latents, seed);
        count = Math.Min(count, data.Count);
        if ((long)count * storedLength > Array.MaxLength)
            throw new ArgumentException($"{count} images of {storedLength} bytes are more than one array holds: take at most {Array.MaxLength / storedLength}");
        stored = new byte[count * storedLength];
        labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            int index = (int)((long)i * data.Count / count);
            data.Read(index, stored.AsSpan(i * storedLength, storedLength));
            labels[i] = data.Label(index);
        }
    }

    /// <summary>Number of images.</summary>
    public int Count => labels.Length;

    /// <summary>Numbers of an image, H W C.</summary>
    public int ImageLength => imageLength;

    /// <summary>Fills a batch with images from <paramref name="first"/> on; behind the last one it is filled with the last one.</summary>
    /// <param name="first">Number of the batch's first image.</param>
    /// <param name="pixels">Receives the images (n, H, W, C) in the data's unit.</param>
    /// <param name="classes">Receives the class of each image (n), -1 for none.</param>
    public void Fill(int first, Span<float> pixels, Span<int> classes)
    {
        for (int i = 0; i < classes.Length; i++)
        {
            int image = Math.Min(first + i, Count - 1);
            classes[i] = labels[image];
            ReadOnlySpan<byte> bytes = stored.AsSpan(image * storedLength, storedLength);
            Span<float> values = pixels.Slice(i * imageLength, imageLength);
            if (space is null)
                PixelScaling.ToModel(bytes, values);
            else
                LatentScaling.ToModel(bytes, space, values, seed, step: 0, image);
        }
    }
}
