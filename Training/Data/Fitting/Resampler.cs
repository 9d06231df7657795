using System.Buffers;
using System.Numerics;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Resamples square images from one size to another with Keys' cubic kernel (a = -1/2), first along rows, then along columns. To reduce an
/// image, the kernel is stretched, so that it averages pixels instead of skipping some. The result has the same bits on every machine.
/// </summary>
internal sealed class Resampler
{
    private readonly int from;
    private readonly int to;
    private readonly int taps;
    private readonly int[] starts;
    private readonly float[] weights;

    internal Resampler(int from, int to)
    {
        (this.from, this.to) = (from, to);
        double scale = (double)from / to;
        double stretch = Math.Max(scale, 1);
        taps = Math.Min(from, (int)Math.Ceiling(4 * stretch) + 1);
        starts = new int[to];
        weights = new float[to * taps];
        for (int i = 0; i < to; i++)
        {
            double center = (i + 0.5) * scale - 0.5;
            int start = Math.Clamp((int)Math.Ceiling(center - 2 * stretch), 0, from - taps);
            starts[i] = start;
            double sum = 0;
            for (int tap = 0; tap < taps; tap++)
                sum += Kernel((start + tap - center) / stretch);

            // Taps beyond the border are left out, and the others are normalised.
            for (int tap = 0; tap < taps; tap++)
                weights[i * taps + tap] = (float)(Kernel((start + tap - center) / stretch) / sum);
        }
    }

    /// <summary>Resamples one image from (from, from, C) to (to, to, C). Thread-safe.</summary>
    internal void Apply(ReadOnlySpan<byte> source, int channels, Span<byte> destination) =>
        Apply(PixelView.Of(source, from, from, channels, channels), channels, destination);

    /// <summary>Resamples one image from (from, from) to (to, to, C), C = <paramref name="channels"/>. Thread-safe.</summary>
    internal void Apply(PixelView source, int channels, Span<byte> destination)
    {
        // Only as many rows are kept as one row of the result is made of: of a large image, all would be as large as the image.
        int width = to * channels;
        byte[] pixels = ArrayPool<byte>.Shared.Rent(from * channels);
        float[] ring = ArrayPool<float>.Shared.Rent(taps * width);
        float[] sums = ArrayPool<float>.Shared.Rent(width);
        int next = 0;
        for (int y = 0; y < to; y++)
        {
            for (next = Math.Max(next, starts[y]); next < starts[y] + taps; next++)
            {
                source.ReadRow(next, channels, pixels.AsSpan(0, from * channels));
                ResampleRow(pixels, channels, ring.AsSpan(next % taps * width, width));
            }

            Span<float> sum = sums.AsSpan(0, width);
            sum.Clear();
            for (int tap = 0; tap < taps; tap++)
                Accumulate(weights[y * taps + tap], ring.AsSpan((starts[y] + tap) % taps * width, width), sum);
            for (int x = 0; x < width; x++)
                destination[y * width + x] = (byte)Math.Clamp((int)MathF.Floor(sum[x] + 0.5f), 0, 255);
        }

        ArrayPool<byte>.Shared.Return(pixels);
        ArrayPool<float>.Shared.Return(ring);
        ArrayPool<float>.Shared.Return(sums);
    }

    private void ResampleRow(ReadOnlySpan<byte> source, int channels, Span<float> row)
    {
        for (int x = 0; x < to; x++)
        {
            ReadOnlySpan<float> weight = weights.AsSpan(x * taps, taps);
            ReadOnlySpan<byte> pixels = source.Slice(starts[x] * channels, taps * channels);
            for (int c = 0; c < channels; c++)
            {
                float sum = 0;
                for (int tap = 0, at = c; tap < weight.Length; tap++, at += channels)
                    sum += weight[tap] * pixels[at];
                row[x * channels + c] = sum;
            }
        }
    }

    // A product and a sum, each rounded, as in scalar code: fused, they would give other bits on machines that fuse.
    private static void Accumulate(float weight, ReadOnlySpan<float> row, Span<float> sum)
    {
        int x = 0;
        for (; x <= row.Length - Vector<float>.Count; x += Vector<float>.Count)
            (new Vector<float>(sum[x..]) + new Vector<float>(weight) * new Vector<float>(row[x..])).CopyTo(sum[x..]);
        for (; x < row.Length; x++)
            sum[x] += weight * row[x];
    }

    private static double Kernel(double x)
    {
        x = Math.Abs(x);
        return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    }
}
