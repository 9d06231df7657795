using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one element.</summary>
public static partial class Combine
{
    internal static void IntoKernel(
        Index1D i, ArrayView<float> a, ArrayView<float> ca, float sa, ArrayView<float> b, ArrayView<float> cb, float sb,
        ArrayView<float> target, int elements, int hasB)
    {
        int n = i / elements;
        float value = sa * ca[n] * a[i];
        if (hasB != 0)
            value += sb * cb[n] * b[i];
        target[i] = value;
    }

    private static Action IntoGpu(GpuDevice gpu, Tensor a, Tensor ca, float sa, Tensor? b, Tensor? cb, float sb, Tensor target)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, float, ArrayView<float>, ArrayView<float>, float,
            ArrayView<float>, int, int>(IntoKernel);
        return () => kernel(
            gpu.Stream, a.Count, a.View, ca.View, sa, (b ?? a).View, (cb ?? ca).View, sb,
            target.View, a.Count / a.Shape.N, b is null ? 0 : 1);
    }
}
