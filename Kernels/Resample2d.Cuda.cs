using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One thread a coarse element: it reads one and writes four, or reads four and writes one; each is touched once.</summary>
public static partial class Resample2d
{
    internal static void SpreadKernel(
        Index1D i, ArrayView<float> coarse, ArrayView<float> fine, int width, int channels, float scale, int add)
    {
        float value = coarse[i] * scale;
        int upper = UpperLeft(i, width, channels);
        int lower = upper + 2 * width * channels;
        if (add != 0)
        {
            fine[upper] += value;
            fine[upper + channels] += value;
            fine[lower] += value;
            fine[lower + channels] += value;
        }
        else
        {
            fine[upper] = value;
            fine[upper + channels] = value;
            fine[lower] = value;
            fine[lower + channels] = value;
        }
    }

    internal static void GatherKernel(
        Index1D i, ArrayView<float> fine, ArrayView<float> coarse, int width, int channels, float scale, int add)
    {
        int upper = UpperLeft(i, width, channels);
        int lower = upper + 2 * width * channels;
        float value = (fine[upper] + fine[upper + channels] + (fine[lower] + fine[lower + channels])) * scale;
        coarse[i] = add != 0 ? coarse[i] + value : value;
    }

    private static Action SpreadGpu(GpuDevice gpu, Tensor coarse, GradientSlot fine, float scale)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, int, int, float, int>(SpreadKernel);
        return () => kernel(
            gpu.Stream, (int)coarse.StoredCount, coarse.View, fine.Tensor.View, coarse.Shape.W, coarse.Shape.C, scale, fine.Add);
    }

    private static Action GatherGpu(GpuDevice gpu, Tensor fine, GradientSlot coarse, float scale)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, int, int, float, int>(GatherKernel);
        Tensor target = coarse.Tensor;
        return () => kernel(
            gpu.Stream, (int)target.StoredCount, fine.View, target.View, target.Shape.W, target.Shape.C, scale, coarse.Add);
    }

    /// <summary>
    /// Index of the first of the four fine elements under coarse element i. Coarse row r of all N H rows lies under the
    /// fine rows 2r and 2r + 1, so that the image's number and height do not matter.
    /// </summary>
    private static int UpperLeft(int i, int width, int channels)
    {
        int pixel = i / channels;
        int row = pixel / width;
        int column = pixel - row * width;
        return (4 * row * width + 2 * column) * channels + i - pixel * channels;
    }
}
