using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one channel of an output pixel; neighbouring threads read neighbouring channels.</summary>
public static partial class Pool2d
{
    internal static void ForwardKernel(Index1D i, ArrayView<float> x, ArrayView<float> y, WindowExtents e, int average)
    {
        int pixel = i / e.C, c = i - pixel * e.C, line = pixel / e.OutW, image = line / e.OutH;
        int top = (line - image * e.OutH) * e.Stride - e.Top, left = (pixel - line * e.OutW) * e.Stride - e.Left;
        int bottom = Math.Min(top + e.R, e.H), right = Math.Min(left + e.S, e.W), firstLine = Math.Max(top, 0), firstColumn = Math.Max(left, 0);
        int at = image * e.H * e.W * e.C + c;
        float value = average != 0 ? 0f : x[at + (firstLine * e.W + firstColumn) * e.C];
        for (int h = firstLine; h < bottom; h++)
        {
            for (int w = firstColumn; w < right; w++)
            {
                float next = x[at + (h * e.W + w) * e.C];
                value = average != 0 ? value + next : Math.Max(value, next);
            }
        }

        if (average != 0)
            value /= (bottom - firstLine) * (right - firstColumn);
        y[pixel * e.OutC + e.First + c] = value;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, PoolKind kind, Window2d window, Tensor y, int first)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, WindowExtents, int>(ForwardKernel);
        var extents = WindowExtents.Of(x.Shape, y.Shape, window, first);
        int count = y.Count / y.Shape.C * x.Shape.C, average = kind == PoolKind.Average ? 1 : 0;
        return () => kernel(gpu.Stream, count, x.View, y.View, extents, average);
    }
}
