using System.Runtime.InteropServices;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training;

/// <summary>Turns a data set of latents into pictures: what an autoencoder kept of its images.</summary>
internal static class StoredLatents
{
    private const int PicturesAtATime = 16;

    /// <summary>Decodes the means of the first images, in the order of the data set.</summary>
    /// <param name="data">Latents.</param>
    /// <param name="decoder">Decoder of their autoencoder.</param>
    /// <param name="count">Number of images, at most that of the data set.</param>
    /// <returns>Pictures, a few at a time.</returns>
    /// <exception cref="Engine.InvalidFileException">Latents are gone or damaged.</exception>
    public static IEnumerable<ByteImages> Decode(IImageDataset data, LatentDecoder decoder, int count)
    {
        LatentSpace space = data.Latents!;
        int pixels = data.Height * data.Width, size = pixels * data.Channels;
        byte[] stored = new byte[data.StoredBytes];
        for (int first = 0; first < count; first += PicturesAtATime)
        {
            float[] raw = new float[Math.Min(PicturesAtATime, count - first) * size];
            for (int image = 0; image < raw.Length / size; image++)
            {
                data.Read(first + image, stored);
                ReadOnlySpan<float> means = MemoryMarshal.Cast<byte, float>(stored)[..size];
                for (int i = 0; i < size; i++)
                    raw[image * size + i % pixels * data.Channels + i / pixels] = means[i];
            }

            byte[] decoded = Array.ConvertAll(decoder.Decode(raw, data.Height, data.Width), space.ToPixel);
            yield return new ByteImages(decoded, raw.Length / size, data.Height * decoder.Scale, data.Width * decoder.Scale, 3);
        }
    }
}
