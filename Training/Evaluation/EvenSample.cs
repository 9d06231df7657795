using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Takes images spread evenly over a data set, which may be sorted by class.</summary>
public static class EvenSample
{
    /// <summary>The images numbered i N / count of a data set of N images.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="count">Number of images; all are taken if the set holds fewer.</param>
    /// <exception cref="ArgumentException">The images have 2^31 bytes or more, or are latents.</exception>
    /// <exception cref="IOException">An image cannot be read.</exception>
    public static ByteImages Of(IImageDataset data, int count)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Latents is not null)
            throw new ArgumentException("the data set holds latents, not pixels");
        int size = data.Height * data.Width * data.Channels;
        int taken = Math.Min(count, data.Count);
        if ((long)taken * size > Array.MaxLength)
            throw new ArgumentException($"{taken} images of {data.Height}x{data.Width}x{data.Channels} are more than one array holds: take at most {Array.MaxLength / size}");
        byte[] pixels = new byte[taken * size];
        for (int i = 0; i < taken; i++)
            data.Read((int)((long)i * data.Count / taken), pixels.AsSpan(i * size, size));
        return new ByteImages(pixels, taken, data.Height, data.Width, data.Channels);
    }
}
