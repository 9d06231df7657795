using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one level.</summary>
public static partial class NoiseLevel
{
    internal static void ForwardKernel(Index1D i, ArrayView<float> t, ArrayView<float> y, float sigmaData) => y[i] = LevelOf(t[i], sigmaData);

    private static Action ForwardGpu(GpuDevice gpu, Tensor t, Tensor y, float sigmaData)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, float>(ForwardKernel);
        return () => kernel(gpu.Stream, t.Count, t.View, y.View, sigmaData);
    }
}
