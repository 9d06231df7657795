using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread takes one sample.</summary>
public static partial class LabelDropout
{
    internal static void ForwardKernel(
        Index1D n, ArrayView<int> labels, ArrayView<int> kept, ArrayView<int> counter, RandomStream stream, float rate) =>
        kept[n] = Draw(labels[n], stream, counter[0], counter[1] + n, rate);

    private static Action ForwardGpu(GpuDevice gpu, Tensor labels, Tensor kept, RandomStream stream, Tensor counter, float rate)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<int>, ArrayView<int>, RandomStream, float>(ForwardKernel);
        return () => kernel(gpu.Stream, labels.Count, labels.ViewOf<int>(), kept.ViewOf<int>(), counter.ViewOf<int>(), stream, rate);
    }
}
