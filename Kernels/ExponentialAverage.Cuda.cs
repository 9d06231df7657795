using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One thread an element.</summary>
public static partial class ExponentialAverage
{
    internal static void IntoKernel(Index1D i, ArrayView<float> values, ArrayView<float> average, ArrayView<float> gain, ArrayView<float> verdict)
    {
        if (verdict[1] == 0f)
            return;
        float old = average[i];
        average[i] = old + gain[0] * (values[i] - old);
    }

    private static Action IntoGpu(GpuDevice gpu, Tensor values, Tensor average, Tensor gain, Tensor verdict)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>>(IntoKernel);
        return () => kernel(gpu.Stream, values.Count, values.View, average.View, gain.View, verdict.View);
    }
}
