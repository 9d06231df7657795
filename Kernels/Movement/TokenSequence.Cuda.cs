using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread writes one element.</summary>
public static partial class TokenSequence
{
    internal static void ForwardKernel(Index1D i, ArrayView<float> patches, ArrayView<float> table, ArrayView<float> y, int count, int channels)
    {
        int image = i / count, place = i - image * count;
        float value = table[place];
        if (place >= channels)
            value += patches[i - (image + 1) * channels];
        y[i] = value;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor patches, Tensor table, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int>(ForwardKernel);
        return () => kernel(gpu.Stream, y.Count, patches.View, table.View, y.View, table.Count, table.Shape.C);
    }
}
