using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One thread an element written, so that writes are contiguous; reads are, channel run by channel run.</summary>
public static partial class Concat
{
    internal static void ForwardKernel(
        Index1D i, ArrayView<float> a, ArrayView<float> b, ArrayView<float> y, int aChannels, int bChannels, int aPixels, int bPixels)
    {
        int channels = aChannels + bChannels;
        int pixel = i / channels;
        int channel = i - pixel * channels;
        float value = 0f;
        if (channel < aChannels)
        {
            if (pixel < aPixels)
                value = a[pixel * aChannels + channel];
        }
        else if (pixel < bPixels)
        {
            value = b[pixel * bChannels + channel - aChannels];
        }

        y[i] = value;
    }

    internal static void BackwardKernel(
        Index1D i, ArrayView<float> dy, ArrayView<float> dx, int dyChannels, int dxChannels, int first, int add)
    {
        int pixel = i / dxChannels;
        float contribution = dy[pixel * dyChannels + first + i - pixel * dxChannels];
        dx[i] = add != 0 ? dx[i] + contribution : contribution;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor a, Tensor b, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, int, int>(ForwardKernel);
        return () => kernel(
            gpu.Stream, (int)y.StoredCount, a.View, b.View, y.View, a.Shape.C, b.Shape.C, StoredPixels(a), StoredPixels(b));
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor dy, GradientSlot dx, int first)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, int, int, int, int>(BackwardKernel);
        return () => kernel(
            gpu.Stream, dx.Tensor.Count, dy.View, dx.Tensor.View, dy.Shape.C, dx.Tensor.Shape.C, first, dx.Add);
    }
}
