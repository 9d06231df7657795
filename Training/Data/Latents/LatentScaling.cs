using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Data;

/// <summary>Draws latents from their posterior and scales them to the model's values: raw = mean + deviation n with n ~ N(0, 1), then <see cref="LatentSpace.ToModel"/>.</summary>
/// <remarks>
/// The host draws the noise, on the cores that read the data set anyway: half as many bytes as those of means and deviations then cross the bus, a batch is finished
/// when a step gets it, whatever the objective, and its bits do not depend on the device. <see cref="Philox"/> is keyed by the seed and counted by (element / 4, place in
/// the batch, step, purpose), so that a resumed run draws what an uninterrupted one does.
/// </remarks>
internal static class LatentScaling
{
    private const int Run = 1024;

    /// <summary>Draws and scales one image's latents. Thread-safe; allocates nothing.</summary>
    /// <param name="stored">fp32 (2, C, H, W): means, then deviations.</param>
    /// <param name="space">The latents' space, of C channels.</param>
    /// <param name="values">Receives (H, W, C).</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="step">Number of the training step.</param>
    /// <param name="sample">Place of the image in the step's batch.</param>
    internal static void ToModel(ReadOnlySpan<byte> stored, LatentSpace space, Span<float> values, ulong seed, long step, int sample)
    {
        ReadOnlySpan<float> numbers = MemoryMarshal.Cast<byte, float>(stored);
        int channels = space.Channels, pixels = values.Length / channels;
        ReadOnlySpan<float> means = numbers[..values.Length], deviations = numbers.Slice(values.Length, values.Length);
        Span<float> noise = stackalloc float[Run];

        // Elements are counted in the order of the file, channel by channel.
        for (int start = 0; start < values.Length; start += Run)
        {
            int count = Math.Min(Run, values.Length - start);
            RandomNormal.Fill(noise[..count], RandomPurpose.LatentNoise, seed, (uint)step, (uint)sample, start);
            for (int i = 0; i < count;)
            {
                (int channel, int pixel) = Math.DivRem(start + i, pixels);
                int end = Math.Min(count, i + pixels - pixel);
                float mean = space.Mean[channel], factor = LatentSpace.SigmaData / space.Deviation[channel];
                for (int at = pixel * channels + channel; i < end; i++, at += channels)
                    values[at] = (means[start + i] + deviations[start + i] * noise[i] - mean) * factor;
            }
        }
    }
}
