namespace TrigFlowNative.Training.Data;

/// <summary>
/// Resamples one axis of 8-bit images with weights of 22 binary places and results of 8 bits, as the imaging library PIL does, with which the field's data sets are made:
/// the result is that of PIL, bit for bit, on every machine. To reduce an axis, the kernel is stretched.
/// </summary>
/// <remarks>
/// The i-th result is centred at c = (i + 1/2) from / to. With the kernel's reach s, stretched by max(from / to, 1), it is made of the pixels floor(c - s + 1/2) to
/// floor(c + s + 1/2) - 1, as far as there are any, whose weights at the distances of their centres are normalised and then rounded.
/// </remarks>
internal sealed class FixedPointFilter
{
    private const int Places = 22;

    private readonly (int Start, int[] Weights)[] taps;

    private FixedPointFilter(int from, int to, double reach, Func<double, double> kernel)
    {
        double scale = (double)from / to, stretch = Math.Max(scale, 1);
        reach *= stretch;
        taps = new (int, int[])[to];
        for (int i = 0; i < to; i++)
        {
            double centre = (i + 0.5) * scale;
            int start = Math.Max((int)(centre - reach + 0.5), 0), end = Math.Min((int)(centre + reach + 0.5), from);
            double[] weights = [.. Enumerable.Range(start, end - start).Select(pixel => kernel((pixel - centre + 0.5) * (1 / stretch)))];
            double sum = 0;
            foreach (double weight in weights)
                sum += weight;
            taps[i] = (start, [.. weights.Select(weight => Round(weight / sum))]);
        }

        (From, To) = (from, to);
    }

    /// <summary>Number of pixels before.</summary>
    internal int From { get; }

    /// <summary>Number of pixels after.</summary>
    internal int To { get; }

    /// <summary>A box of one pixel's width.</summary>
    internal static FixedPointFilter Box(int from, int to) => new(from, to, 0.5, x => x is > -0.5 and <= 0.5 ? 1 : 0);

    /// <summary>Keys' cubic kernel with a = -1/2.</summary>
    internal static FixedPointFilter Cubic(int from, int to) => new(from, to, 2, Keys);

    /// <summary>Resamples the rows of an image: (H, From, 3) to (H, To, 3).</summary>
    internal void Rows(ReadOnlySpan<byte> source, Span<byte> target, int height)
    {
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = source.Slice(y * From * 3, From * 3);
            Span<byte> result = target.Slice(y * To * 3, To * 3);
            for (int x = 0; x < To; x++)
            {
                (int start, int[] weights) = taps[x];
                int red = 1 << (Places - 1), green = red, blue = red;
                for (int tap = 0, at = 3 * start; tap < weights.Length; tap++, at += 3)
                {
                    red += weights[tap] * row[at];
                    green += weights[tap] * row[at + 1];
                    blue += weights[tap] * row[at + 2];
                }

                (result[3 * x], result[3 * x + 1], result[3 * x + 2]) = (Pixel(red), Pixel(green), Pixel(blue));
            }
        }
    }

    /// <summary>Resamples the columns of an image: (From, width) to (To, width), with the bytes of a row as its width.</summary>
    internal void Columns(ReadOnlySpan<byte> source, Span<byte> target, int width)
    {
        int[] sums = new int[width];
        for (int y = 0; y < To; y++)
        {
            (int start, int[] weights) = taps[y];
            Array.Fill(sums, 1 << (Places - 1));
            for (int tap = 0; tap < weights.Length; tap++)
            {
                ReadOnlySpan<byte> row = source.Slice((start + tap) * width, width);
                int weight = weights[tap];
                for (int x = 0; x < row.Length; x++)
                    sums[x] += weight * row[x];
            }

            for (int x = 0; x < width; x++)
                target[y * width + x] = Pixel(sums[x]);
        }
    }

    private static byte Pixel(int sum) => (byte)Math.Clamp(sum >> Places, 0, 255);

    private static int Round(double weight) => (int)(weight * (1 << Places) + (weight < 0 ? -0.5 : 0.5));

    private static double Keys(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
}
