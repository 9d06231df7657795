using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread takes four elements by 16-byte accesses; only the last one may take fewer, one by one.</summary>
public static partial class ExponentialAverage
{
    internal static void IntoKernel(
        Index1D index, ArrayView<float> values, ArrayView<float> average, ArrayView<float> gain, ArrayView<float> clip, int count)
    {
        if (clip[1] == 0f)
            return;
        int i = 4 * index;
        int aligned = count - i >= 4 ? 1 : 0;
        Float4 old = Float4.Load(average, i, count - i, aligned);
        Float4 value = Float4.Load(values, i, count - i, aligned);
        Float4.Store(average, i, count - i, aligned, Float4.MultiplyAdd(gain[0], value - old, old));
    }

    private static Action IntoGpu(GpuDevice gpu, Tensor values, Tensor average, Tensor gain, Tensor clip)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(IntoKernel);
        return () => kernel(gpu.Stream, (values.Count + 3) / 4, values.View, average.View, gain.View, clip.View, values.Count);
    }
}
