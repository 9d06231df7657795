using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The extents of a convolution in the form kernels take; a matrix product is one of 1x1 taps over 1x1 images.</summary>
internal struct ConvExtents
{
    public int N, H, W, C, K, R;

    public static ConvExtents Of(Tensor x, Tensor weight) => new()
    {
        N = x.StoredN, H = x.Shape.H, W = x.Shape.W, C = weight.Shape.C, K = weight.Shape[0], R = weight.Shape[1],
    };

    public static ConvExtents Rows(long rows, int c, int k) => new() { N = (int)rows, H = 1, W = 1, C = c, K = k, R = 1 };
}

/// <summary>Convolutions and matrix products on a GPU: one thread an output element.</summary>
internal static class ImplicitGemm
{
    internal static void ForwardKernel(
        Index1D i, ArrayView<float> x, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> y, ConvExtents e, int biased, int add)
    {
        int k = i % e.K, w = i / e.K % e.W, h = i / e.K / e.W % e.H, n = i / e.K / e.W / e.H;
        float sum = i < biased ? bias[k] : 0f;
        for (int r = 0; r < e.R; r++)
        {
            for (int s = 0; s < e.R; s++)
            {
                int u = h + r - e.R / 2, v = w + s - e.R / 2;
                if (u < 0 || u >= e.H || v < 0 || v >= e.W)
                    continue;
                for (int c = 0; c < e.C; c++)
                    sum += x[((n * e.H + u) * e.W + v) * e.C + c] * weight[((k * e.R + r) * e.R + s) * e.C + c];
            }
        }

        y[i] = add != 0 ? y[i] + sum : sum;
    }

    internal static void InputGradientKernel(Index1D i, ArrayView<float> dy, ArrayView<float> weight, ArrayView<float> dx, ConvExtents e, int add)
    {
        int c = i % e.C, w = i / e.C % e.W, h = i / e.C / e.W % e.H, n = i / e.C / e.W / e.H;
        float sum = 0f;
        for (int r = 0; r < e.R; r++)
        {
            for (int s = 0; s < e.R; s++)
            {
                int u = h - r + e.R / 2, v = w - s + e.R / 2;
                if (u < 0 || u >= e.H || v < 0 || v >= e.W)
                    continue;
                for (int k = 0; k < e.K; k++)
                    sum += dy[((n * e.H + u) * e.W + v) * e.K + k] * weight[((k * e.R + r) * e.R + s) * e.C + c];
            }
        }

        dx[i] = add != 0 ? dx[i] + sum : sum;
    }

    internal static void WeightGradientKernel(Index1D i, ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dWeight, ConvExtents e, int add)
    {
        int c = i % e.C, s = i / e.C % e.R, r = i / e.C / e.R % e.R, k = i / e.C / e.R / e.R;
        float sum = 0f;
        for (int n = 0; n < e.N; n++)
        {
            for (int h = 0; h < e.H; h++)
            {
                for (int w = 0; w < e.W; w++)
                {
                    int u = h + r - e.R / 2, v = w + s - e.R / 2;
                    if (u >= 0 && u < e.H && v >= 0 && v < e.W)
                        sum += dy[((n * e.H + h) * e.W + w) * e.K + k] * x[((n * e.H + u) * e.W + v) * e.C + c];
                }
            }
        }

        dWeight[i] = add != 0 ? dWeight[i] + sum : sum;
    }

    internal static void ColumnSumKernel(Index1D k, ArrayView<float> dy, ArrayView<float> dBias, int rows, int columns, int add)
    {
        float sum = 0f;
        for (int row = 0; row < rows; row++)
            sum += dy[row * columns + k];
        dBias[k] = add != 0 ? dBias[k] + sum : sum;
    }

    /// <summary>y (N, H, W, K) from x (N, H, W, C); the bias is added to the first <paramref name="biased"/> elements of y.</summary>
    public static Action Forward(GpuDevice gpu, ConvExtents extents, Tensor x, Tensor weight, Tensor? bias, Tensor y, int biased, int add = 0)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ConvExtents, int, int>(ForwardKernel);
        return () => kernel(gpu.Stream, (int)y.StoredCount, x.View, weight.View, (bias ?? weight).View, y.View, extents, biased, add);
    }

    /// <summary>dx (N, H, W, C) from dy (N, H, W, K).</summary>
    public static Action InputGradient(GpuDevice gpu, ConvExtents extents, Tensor dy, Tensor weight, Tensor dx, int add)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ConvExtents, int>(InputGradientKernel);
        return () => kernel(gpu.Stream, (int)dx.StoredCount, dy.View, weight.View, dx.View, extents, add);
    }

    /// <summary>dWeight (K, R, R, C) from x (N, H, W, C) and dy (N, H, W, K).</summary>
    public static Action WeightGradient(GpuDevice gpu, ConvExtents extents, Tensor x, Tensor dy, GradientSlot dWeight)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ConvExtents, int>(WeightGradientKernel);
        return () => kernel(gpu.Stream, dWeight.Tensor.Count, x.View, dy.View, dWeight.Tensor.View, extents, dWeight.Add);
    }

    /// <summary>dBias (K) from dy (..., K).</summary>
    public static Action ColumnSum(GpuDevice gpu, Tensor dy, GradientSlot dBias)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int, int>(ColumnSumKernel);
        return () => kernel(gpu.Stream, dy.Shape.C, dy.View, dBias.Tensor.View, dy.Count / dy.Shape.C, dy.Shape.C, dBias.Add);
    }
}
