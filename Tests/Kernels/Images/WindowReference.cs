using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Convolutions and pools as plain float64 loops over (N, H, W, C).</summary>
internal static class WindowReference
{
    /// <summary>y[n, h, w, k] = bias[k] + the sum over the window; pixels beyond the border are 0.</summary>
    public static double[] Convolve(double[] x, Shape shape, double[] weight, double[]? bias, int outputs, Window2d window)
    {
        (int outH, int outW) = (window.OutputHeight(shape), window.OutputWidth(shape));
        double[] y = new double[shape.N * outH * outW * outputs];
        for (int pixel = 0; pixel < y.Length / outputs; pixel++)
        {
            (int n, int h, int w) = (pixel / outW / outH, pixel / outW % outH, pixel % outW);
            for (int r = 0; r < window.Height; r++)
                for (int s = 0; s < window.Width; s++)
                {
                    (int row, int column) = (h * window.Stride - window.Top + r, w * window.Stride - window.Left + s);
                    if (row < 0 || row >= shape.H || column < 0 || column >= shape.W)
                        continue;
                    ReadOnlySpan<double> source = x.AsSpan(((n * shape.H + row) * shape.W + column) * shape.C, shape.C);
                    for (int k = 0; k < outputs; k++)
                    {
                        ReadOnlySpan<double> filter = weight.AsSpan(((k * window.Height + r) * window.Width + s) * shape.C, shape.C);
                        double sum = 0;
                        for (int c = 0; c < source.Length; c++)
                            sum += source[c] * filter[c];
                        y[pixel * outputs + k] += sum;
                    }
                }

            for (int k = 0; k < outputs && bias is not null; k++)
                y[pixel * outputs + k] += bias[k];
        }

        return y;
    }

    /// <summary>The largest value or the mean in the window, with pixels beyond the border left out, or counted as 0.</summary>
    public static double[] Pool(double[] x, Shape shape, PoolKind kind, Window2d window, bool countPadding = false)
    {
        (int outH, int outW) = (window.OutputHeight(shape), window.OutputWidth(shape));
        double[] y = new double[shape.N * outH * outW * shape.C];
        for (int i = 0; i < y.Length; i++)
        {
            (int pixel, int c) = (i / shape.C, i % shape.C);
            (int n, int h, int w) = (pixel / outW / outH, pixel / outW % outH, pixel % outW);
            List<double> values = [];
            for (int r = 0; r < window.Height; r++)
                for (int s = 0; s < window.Width; s++)
                {
                    (int row, int column) = (h * window.Stride - window.Top + r, w * window.Stride - window.Left + s);
                    if (row >= 0 && row < shape.H && column >= 0 && column < shape.W)
                        values.Add(x[((n * shape.H + row) * shape.W + column) * shape.C + c]);
                    else if (countPadding)
                        values.Add(0);
                }

            y[i] = kind == PoolKind.Max ? values.Max() : values.Average();
        }

        return y;
    }
}
