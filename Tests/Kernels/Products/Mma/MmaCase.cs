using TrigFlowNative.Kernels;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// A bf16 convolution whose values are small integers, so that fp32 sums of them are exact in any order: every element of an
/// fp32 result must be the float64 loop's, and a bf16 result its rounding.
/// </summary>
internal sealed class MmaCase
{
    private readonly Random random = new(20241011);

    public MmaCase(int n, int h, int w, int c, int k, int r)
    {
        Extents = new ConvExtents { N = n, H = h, W = w, C = c, K = k, R = r };
        (X, Weight, Dy) = (Integers(Extents.Pixels * c), Integers(k * r * r * c), Integers(Extents.Pixels * k));
        (Bias, YBefore, DxBefore, DWeightBefore) = (Integers(k), Integers(Dy.Length), Integers(X.Length), Integers(Weight.Length));
    }

    public ConvExtents Extents { get; }

    public float[] X { get; }

    public float[] Weight { get; }

    public float[] Dy { get; }

    public float[] Bias { get; }

    /// <summary>Former values of y, which serve as its residual.</summary>
    public float[] YBefore { get; }

    /// <summary>Former values of dx.</summary>
    public float[] DxBefore { get; }

    /// <summary>Former values of dWeight.</summary>
    public float[] DWeightBefore { get; }

    /// <summary>Element i of conv(x).</summary>
    public double Output(int i)
    {
        (int pixel, int k) = (i / Extents.K, i % Extents.K);
        double sum = 0;
        for (int tap = 0; tap < Extents.Taps; tap++)
            for (int c = 0; c < Extents.C && Neighbour(pixel, tap, 1) is var from && from >= 0; c++)
                sum += (double)Weight[(k * Extents.Taps + tap) * Extents.C + c] * X[from * Extents.C + c];
        return sum;
    }

    /// <summary>Element i of the input's cotangent.</summary>
    public double InputGradient(int i)
    {
        (int pixel, int c) = (i / Extents.C, i % Extents.C);
        double sum = 0;
        for (int tap = 0; tap < Extents.Taps; tap++)
            for (int k = 0; k < Extents.K && Neighbour(pixel, tap, -1) is var to && to >= 0; k++)
                sum += (double)Weight[(k * Extents.Taps + tap) * Extents.C + c] * Dy[to * Extents.K + k];
        return sum;
    }

    /// <summary>Element i of the weight's gradient, over the pixels from one on to before another.</summary>
    public double WeightGradient(int i, int first, int end)
    {
        (int k, int tap, int c) = (i / Extents.C / Extents.Taps, i / Extents.C % Extents.Taps, i % Extents.C);
        double sum = 0;
        for (int pixel = first; pixel < end; pixel++)
            if (Neighbour(pixel, tap, 1) is var from && from >= 0)
                sum += (double)Dy[pixel * Extents.K + k] * X[from * Extents.C + c];
        return sum;
    }

    /// <summary>The pixel at a tap from a pixel, forwards or backwards; -1 outside of the image.</summary>
    private int Neighbour(int pixel, int tap, int direction)
    {
        int h = pixel / Extents.W % Extents.H + direction * (tap / Extents.R - Extents.R / 2);
        int w = pixel % Extents.W + direction * (tap % Extents.R - Extents.R / 2);
        return h < 0 || h >= Extents.H || w < 0 || w >= Extents.W ? -1 : (pixel / Extents.W / Extents.H * Extents.H + h) * Extents.W + w;
    }

    private float[] Integers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-3, 4))];
}
