using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one sample.</summary>
public static partial class SinCos
{
    internal static void ForwardKernel(Index1D n, ArrayView<float> t, ArrayView<float> cos, ArrayView<float> sin, ArrayView<float> product)
    {
        DeviceMath.Angle angle = DeviceMath.SinCos(t[n]);
        cos[n] = angle.Cos;
        sin[n] = angle.Sin;
        product[n] = angle.Cos * angle.Sin;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor t, Tensor cos, Tensor sin, Tensor product)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>>(ForwardKernel);
        return () => kernel(gpu.Stream, t.Count, t.View, cos.View, sin.View, product.View);
    }
}
