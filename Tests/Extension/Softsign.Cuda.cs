using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Extension;

/// <summary>Kernels of one thread an element; the simulator runs them too.</summary>
public static partial class Softsign
{
    private static void ForwardKernel(Index1D i, ArrayView<float> x, ArrayView<float> y) => y[i] = Value(x[i]);

    private static void TangentKernel(Index1D i, ArrayView<float> x, ArrayView<float> y, int count)
    {
        y[i] = Value(x[i]);
        y[i + count] = Slope(x[i]) * x[i + count];
    }

    private static void BackwardKernel(Index1D i, ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dx, int add)
    {
        float contribution = Slope(x[i]) * dy[i];
        dx[i] = add != 0 ? dx[i] + contribution : contribution;
    }

    private static float Value(float x) => x / (1f + MathF.Abs(x));

    private static float Slope(float x) => 1f / ((1f + MathF.Abs(x)) * (1f + MathF.Abs(x)));

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
