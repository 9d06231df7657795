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
    internal void Apply(ReadOnlySpan<byte> source, int channels, Span<byte> destination)
    {
        float[] rows = new float[from * to * channels];
        for (int y = 0; y < from; y++)
        {
            for (int x = 0; x < to * channels; x++)
            {
                int pixel = x / channels;
                float sum = 0;
                for (int tap = 0; tap < taps; tap++)
                    sum += weights[pixel * taps + tap] * source[(y * from + starts[pixel] + tap) * channels + x % channels];
                rows[y * to * channels + x] = sum;
            }
        }

        for (int y = 0; y < to; y++)
        {
            for (int x = 0; x < to * channels; x++)
            {
                float sum = 0;
                for (int tap = 0; tap < taps; tap++)
                    sum += weights[y * taps + tap] * rows[(starts[y] + tap) * to * channels + x];
                destination[y * to * channels + x] = (byte)Math.Clamp((int)MathF.Floor(sum + 0.5f), 0, 255);
            }
        }
    }

    private static double Kernel(double x)
    {
        x = Math.Abs(x);
        return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    }
}
