namespace TrigFlowNative.Tests.Kernels;

/// <summary>Resizings of one axis as dense matrices (output, input) in float64, written from the definitions of the programs that are imitated.</summary>
internal static class ResizeReference
{
    /// <summary>The share of an input position in an output position, for interpolation between the two nearest.</summary>
    public static double[,] Bilinear(int input, int output, bool halfPixel)
    {
        double[,] m = new double[output, input];
        for (int i = 0; i < output; i++)
        {
            double at = halfPixel ? Math.Max((i + 0.5) * input / output - 0.5, 0) : (double)i * input / output;
            int low = (int)Math.Floor(at);
            m[i, low] += 1 - (at - low);
            m[i, Math.Min(low + 1, input - 1)] += at - low;
        }

        return m;
    }

    /// <summary>Bicubic, as much wider as the picture shrinks if <paramref name="antialias"/>, terms beyond the border dropped and the rest scaled to 1.</summary>
    public static double[,] Antialiased(int input, int output, double a = -0.5, bool antialias = true)
    {
        double[,] m = new double[output, input];
        double scale = (double)input / output, wide = antialias ? Math.Max(scale, 1) : 1;
        for (int i = 0; i < output; i++)
        {
            double centre = (i + 0.5) * scale, sum = 0;
            for (int j = 0; j < input; j++)
                sum += m[i, j] = j + 0.5 > centre - 2 * wide && j + 0.5 < centre + 2 * wide ? Cubic((j + 0.5 - centre) / wide, a) : 0;
            for (int j = 0; j < input; j++)
                m[i, j] /= sum;
        }

        return m;
    }

    /// <summary>Bicubic of four terms, those beyond the border at it.</summary>
    public static double[,] Plain(int input, int output, double step, double a = -0.75)
    {
        double[,] m = new double[output, input];
        for (int i = 0; i < output; i++)
        {
            double at = (i + 0.5) * step - 0.5;
            for (int k = -1; k <= 2; k++)
                m[i, Math.Clamp((int)Math.Floor(at) + k, 0, input - 1)] += Cubic(at - Math.Floor(at) - k, a);
        }

        return m;
    }

    /// <summary>rows x columns applied to (N, H, W, C): (N, rows, columns, C).</summary>
    public static double[] Apply(double[] x, int images, double[,] rows, double[,] columns, int channels)
    {
        (int outH, int h, int outW, int w) = (rows.GetLength(0), rows.GetLength(1), columns.GetLength(0), columns.GetLength(1));
        double[] across = new double[images * h * outW * channels], y = new double[images * outH * outW * channels];
        for (int line = 0; line < images * h; line++)
            for (int j = 0; j < outW; j++)
                for (int s = 0; s < w; s++)
                    for (int c = 0; c < channels && columns[j, s] != 0; c++)
                        across[(line * outW + j) * channels + c] += columns[j, s] * x[(line * w + s) * channels + c];
        for (int n = 0; n < images; n++)
            for (int i = 0; i < outH; i++)
                for (int r = 0; r < h; r++)
                    for (int k = 0; k < outW * channels && rows[i, r] != 0; k++)
                        y[(n * outH + i) * outW * channels + k] += rows[i, r] * across[(n * h + r) * outW * channels + k];
        return y;
    }

    private static double Cubic(double x, double a)
    {
        x = Math.Abs(x);
        return x < 1 ? (a + 2) * Math.Pow(x, 3) - (a + 3) * x * x + 1 : x < 2 ? a * (Math.Pow(x, 3) - 5 * x * x + 8 * x - 4) : 0;
    }
}
