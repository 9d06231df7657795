using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread computes one element.</summary>
public static partial class FourierEmbedding
{
    internal static void ForwardKernel(
        Index1D i, ArrayView<float> a, ArrayView<float> frequencies, ArrayView<float> phases, ArrayView<float> y, int channels)
    {
        int n = i / channels, channel = i - n * channels;
        y[i] = Feature(a[n], frequencies[channel], phases[channel]);
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor a, Tensor frequencies, Tensor phases, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(ForwardKernel);
        return () => kernel(gpu.Stream, y.Count, a.View, frequencies.View, phases.View, y.View, frequencies.Count);
    }
}
