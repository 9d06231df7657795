namespace TrigFlowNative.Kernels;

/// <summary>
/// A resizing along one axis: every output position is a weighted sum of a few input positions. Which positions and weights, is where programs differ that call the
/// same thing resizing, and numbers such as FID differ with it.
/// </summary>
public sealed class ResizeTaps
{
    private ResizeTaps(int input, int output, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(input, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(output, 1);
        (Input, Output, Count) = (input, output, count);
        Positions = new int[output * count];
        Weights = new double[output * count];
    }

    /// <summary>Extent of the input.</summary>
    public int Input { get; }

    /// <summary>Extent of the output.</summary>
    public int Output { get; }

    /// <summary>Terms of each sum; some may have the weight 0.</summary>
    public int Count { get; }

    /// <summary>Input positions of the terms: (Output, Count), row by row, each within the input.</summary>
    internal int[] Positions { get; }

    /// <summary>Weights of the terms: (Output, Count).</summary>
    internal double[] Weights { get; }

    /// <summary>
    /// TensorFlow 1's ResizeBilinear with align_corners=false: position i of the output lies at i input / output, without half-pixel centres, so that the picture
    /// moves towards the upper left. No antialiasing.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An extent is below 1.</exception>
    public static ResizeTaps Tf1Bilinear(int input, int output) => Bilinear(input, output, i => i * ((double)input / output));

    /// <summary>Bilinear with half-pixel centres: position i lies at (i + 1/2) input / output - 1/2, not below 0. No antialiasing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An extent is below 1.</exception>
    public static ResizeTaps HalfPixelBilinear(int input, int output) => Bilinear(input, output, i => Math.Max((i + 0.5) * ((double)input / output) - 0.5, 0));

    /// <summary>
    /// Bicubic with antialiasing, as Pillow and PyTorch's antialias=True: a = -1/2, the kernel as much wider as the picture shrinks, cut at the border and scaled to
    /// the sum 1. Nothing is clamped: values may leave the range of the input.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An extent is below 1.</exception>
    public static ResizeTaps AntialiasedBicubic(int input, int output)
    {
        double scale = (double)input / output, wide = Math.Max(scale, 1);
        var taps = new ResizeTaps(input, output, Math.Min(input, (int)Math.Ceiling(4 * wide) + 1));
        for (int i = 0; i < output; i++)
        {
            double centre = (i + 0.5) * scale, sum = 0;
            int first = Math.Max((int)(centre - 2 * wide + 0.5), 0), end = Math.Min((int)(centre + 2 * wide + 0.5), input);
            for (int j = first; j < end; j++)
                sum += Cubic((j + 0.5 - centre) / wide, -0.5);
            for (int j = first; j < end; j++)
                taps.Set(i, j - first, j, Cubic((j + 0.5 - centre) / wide, -0.5) / sum);
        }

        return taps;
    }

    /// <summary>Bicubic without antialiasing, as PyTorch's default: a = -3/4, four terms, positions beyond the border taken at it.</summary>
    /// <param name="input">Extent of the input.</param>
    /// <param name="output">Extent of the output.</param>
    /// <param name="step">Input positions from one output position to the next; input / output unless a program passes another factor.</param>
    /// <exception cref="ArgumentOutOfRangeException">An extent is below 1.</exception>
    public static ResizeTaps PlainBicubic(int input, int output, double step)
    {
        const int terms = 4;
        var taps = new ResizeTaps(input, output, terms);
        for (int i = 0; i < output; i++)
        {
            double at = (i + 0.5) * step - 0.5, low = Math.Floor(at);
            for (int k = 0; k < terms; k++)
                taps.Set(i, k, Math.Clamp((int)low + k - 1, 0, input - 1), Cubic(at - low - (k - 1), -0.75));
        }

        return taps;
    }

    /// <summary>Resizes the two first axes of (rows, columns, channels) in float64 on the host, for what is resized once.</summary>
    /// <param name="values">(rows.Input, columns.Input, channels).</param>
    /// <param name="rows">Resizing of the first axis.</param>
    /// <param name="columns">Resizing of the second axis.</param>
    /// <param name="channels">Extent of the last axis.</param>
    /// <returns>(rows.Output, columns.Output, channels).</returns>
    /// <exception cref="ArgumentException">The number of values is another one.</exception>
    public static double[] Apply(ReadOnlySpan<double> values, ResizeTaps rows, ResizeTaps columns, int channels)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(columns);
        if (values.Length != (long)rows.Input * columns.Input * channels)
            throw new ArgumentException($"{values.Length} values are not ({rows.Input}, {columns.Input}, {channels})", nameof(values));
        double[] result = new double[checked(rows.Output * columns.Output * channels)];
        for (int y = 0; y < rows.Output; y++)
            for (int x = 0; x < columns.Output; x++)
                for (int i = 0; i < rows.Count; i++)
                    for (int j = 0; j < columns.Count; j++)
                    {
                        double weight = rows.Weights[y * rows.Count + i] * columns.Weights[x * columns.Count + j];
                        int from = (rows.Positions[y * rows.Count + i] * columns.Input + columns.Positions[x * columns.Count + j]) * channels;
                        for (int c = 0; c < channels; c++)
                            result[(y * columns.Output + x) * channels + c] += weight * values[from + c];
                    }

        return result;
    }

    private static ResizeTaps Bilinear(int input, int output, Func<int, double> position)
    {
        var taps = new ResizeTaps(input, output, 2);
        for (int i = 0; i < output; i++)
        {
            double at = position(i);
            int low = (int)at;
            taps.Set(i, 0, low, 1 - (at - low));
            taps.Set(i, 1, Math.Min(low + 1, input - 1), at - low);
        }

        return taps;
    }

    private static double Cubic(double x, double a)
    {
        x = Math.Abs(x);
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
    }

    private void Set(int output, int term, int position, double weight) =>
        (Positions[output * Count + term], Weights[output * Count + term]) = (position, weight);
}
