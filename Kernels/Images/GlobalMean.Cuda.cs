using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread sums one channel of an image, in the order of the pixels.</summary>
public static partial class GlobalMean
{
    internal static void ForwardKernel(Index1D i, ArrayView<float> x, ArrayView<float> y, int pixels, int channels)
    {
        int image = i / channels, at = image * pixels * channels + i - image * channels;
        float sum = 0f;
        for (int pixel = 0; pixel < pixels; pixel++)
            sum += x[at + pixel * channels];
        y[i] = sum / pixels;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int>(ForwardKernel);
        return () => kernel(gpu.Stream, y.Count, x.View, y.View, x.Shape.H * x.Shape.W, x.Shape.C);
    }
}
