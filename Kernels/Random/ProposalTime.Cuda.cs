using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread takes one sample.</summary>
public static partial class ProposalTime
{
    internal static void IntoKernel(Index1D n, ArrayView<float> normal, ArrayView<float> t, float mean, float std) =>
        t[n] = ArcTanExp(mean + std * normal[n]);

    private static Action IntoGpu(GpuDevice gpu, Tensor normal, Tensor t, float mean, float std)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, float, float>(IntoKernel);
        return () => kernel(gpu.Stream, t.Count, normal.View, t.View, mean, std);
    }
}
