using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One thread a sample.</summary>
public static partial class LabelDropout
{
    internal static void ForwardKernel(
        Index1D n, ArrayView<int> labels, ArrayView<int> kept, ArrayView<int> counter, int purpose, int key0, int key1, float rate) =>
        kept[n] = Draw(labels[n], n, counter[0], counter[1], purpose, key0, key1, rate);

    private static Action ForwardGpu(GpuDevice gpu, Tensor labels, Tensor kept, RandomSource random, float rate)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<int>, ArrayView<int>, int, int, int, float>(ForwardKernel);
        return () => kernel(
            gpu.Stream, labels.Count, labels.ViewOf<int>(), kept.ViewOf<int>(), random.Counter.ViewOf<int>(), (int)random.Purpose,
            (int)random.Key0, (int)random.Key1, rate);
    }
}
