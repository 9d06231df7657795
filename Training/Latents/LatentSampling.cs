using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training;

/// <summary>Draws latents in parts, so that any number needs little memory: as they are for other programs, or decoded to pictures.</summary>
/// <param name="sampler">Sampler of a model of latents.</param>
/// <param name="space">Space of the latents.</param>
internal sealed class LatentSampling(ImageSampler sampler, LatentSpace space)
{
    /// <summary>Pictures that are decoded at a time: those of 512x512 take 50 MB in fp32.</summary>
    private const int PicturesAtATime = 16;

    /// <summary>Draws raw latents, as a decoder takes them.</summary>
    /// <param name="count">Number of images.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="classes">Class of each image; empty if none has one.</param>
    /// <returns>For each part the raw latents (N, C, H, W), a look at their first channels from -2 to 2 deviations, and which are not finite.</returns>
    public IEnumerable<(float[] Raw, ByteImages Look, NonFiniteImages NonFinite)> DrawRaw(int count, ulong seed, int[] classes)
    {
        int pixels = sampler.Height * sampler.Width, channels = space.Channels, size = pixels * channels;
        foreach ((float[] values, int first) in Draw(count, seed, classes))
        {
            float[] raw = new float[values.Length];
            byte[] look = new byte[values.Length];
            for (int i = 0; i < raw.Length; i++)
            {
                int channel = i % channels;
                raw[i / size * size + channel * pixels + i % size / channels] = space.ToRaw(values[i], channel);
                look[i] = (byte)Math.Clamp(values[i] * 127.5f + 128, 0, 255);
            }

            int images = values.Length / size;
            yield return (raw, ByteImages.OfFirstChannels(look, images, sampler.Height, sampler.Width, channels), NonFiniteImages.In(values, images, first));
        }
    }

    /// <summary>Draws pictures.</summary>
    /// <param name="decoder">Decoder of the latents' autoencoder.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="classes">Class of each image; empty if none has one.</param>
    public IEnumerable<(ByteImages Images, NonFiniteImages NonFinite)> DrawPictures(LatentDecoder decoder, int count, ulong seed, int[] classes)
    {
        int size = sampler.Height * sampler.Width * space.Channels;
        foreach ((float[] values, int first) in Draw(count, seed, classes))
        {
            for (int start = 0; start < values.Length / size; start += PicturesAtATime)
            {
                int taken = Math.Min(PicturesAtATime, values.Length / size - start);
                ReadOnlyMemory<float> part = values.AsMemory(start * size, taken * size);
                byte[] pixels = decoder.DecodeToPixels(part.Span, sampler.Height, sampler.Width, space);
                yield return (
                    new ByteImages(pixels, taken, sampler.Height * decoder.Scale, sampler.Width * decoder.Scale, 3), NonFiniteImages.In(part.Span, taken, first + start));
            }
        }
    }

    private IEnumerable<(float[] Values, int First)> Draw(int count, ulong seed, int[] classes)
    {
        for (int first = 0; first < count; first += sampler.Batch)
        {
            int taken = Math.Min(sampler.Batch, count - first);
            yield return (sampler.Sample(taken, seed, classes.Length == 0 ? [] : classes.AsSpan(first, taken), first), first);
        }
    }
}
