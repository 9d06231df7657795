using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one element.</summary>
public static partial class Silu
{
    internal static void ForwardKernel(Index1D i, ArrayView<float> x, ArrayView<float> y) => y[i] = x[i] * Logistic(x[i]);

    internal static void TangentKernel(Index1D i, ArrayView<float> x, ArrayView<float> y, int count)
    {
        float primal = x[i];
        float s = Logistic(primal);
        y[i] = primal * s;
        y[i + count] = s * (1f + primal * (1f - s)) * x[i + count];
    }

    internal static void BackwardKernel(Index1D i, ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dx, int add)
    {
        float primal = x[i];
        float s = Logistic(primal);
        float contribution = s * (1f + primal * (1f - s)) * dy[i];
        dx[i] = add != 0 ? dx[i] + contribution : contribution;
    }

    private static float Logistic(float x) => 1f / (1f + MathF.Exp(-x));

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>>(ForwardKernel);
        return () => kernel(gpu.Stream, x.Count, x.View, y.View);
    }

    private static Action TangentGpu(GpuDevice gpu, Tensor x, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int>(TangentKernel);
        return () => kernel(gpu.Stream, x.Count, x.View, y.View, x.Count);
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor x, Tensor dy, GradientSlot dx)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(BackwardKernel);
        return () => kernel(gpu.Stream, x.Count, x.View, dy.View, dx.Tensor.View, dx.Add);
    }
}
