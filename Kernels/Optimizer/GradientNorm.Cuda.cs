using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each group sums one block of gradients; one group then adds the sums.</summary>
public static partial class GradientNorm
{
    internal static void SquaresKernel(ArrayView<float> gradients, ArrayView<double> partials, int count)
    {
        int start = Grid.IdxX * Block;
        int end = IntrinsicMath.Min(start + Block, count);
        double partial = 0;
        for (int i = start + 4 * Group.IdxX; i < end; i += 4 * Group.DimX)
            partial += Float4.Squares(Float4.Load(gradients, i, end - i, end - i >= 4 ? 1 : 0));
        double sum = GroupSum.Of(partial);
        if (Group.IdxX == 0)
            partials[Grid.IdxX] = sum;
    }

    internal static void ClipKernel(
        ArrayView<double> partials, ArrayView<double> losses, ArrayView<float> clip, ArrayView<int> counters, int blocks, float maxNorm)
    {
        double partial = 0;
        for (int i = Group.IdxX; i < blocks; i += Group.DimX)
            partial += partials[i];
        double sum = GroupSum.Of(partial);
        if (Group.IdxX != 0)
            return;
        float norm = (float)Math.Sqrt(sum);
        float factor = Factor(norm, losses[2], maxNorm);
        clip[0] = norm;
        clip[1] = factor;
        int skipped = factor == 0f ? 1 : 0;
        int row = skipped * (counters[2] + 1);
        counters[0] += 1 - skipped;
        counters[1] += skipped;
        counters[2] = row;
        counters[3] = IntrinsicMath.Max(counters[3], row);
        for (int i = 0; i < Tally.Length; i++)
            losses[i] = 0;
    }

    private static Action SquaresGpu(GpuDevice gpu, Tensor gradients, Tensor partials)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<double>, int>(SquaresKernel);
        return () => kernel(
            gpu.Stream, new KernelConfig(partials.Count, gpu.ReductionGroup), gradients.View, partials.ViewOf<double>(), gradients.Count);
    }

    private static Action ClipGpu(GpuDevice gpu, Tensor partials, Tensor losses, float maxNorm, Tensor clip, Tensor counters)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<double>, ArrayView<double>, ArrayView<float>, ArrayView<int>, int, float>(ClipKernel);
        return () => kernel(
            gpu.Stream, new KernelConfig(1, gpu.ReductionGroup), partials.ViewOf<double>(), losses.ViewOf<double>(), clip.View,
            counters.ViewOf<int>(), partials.Count, maxNorm);
    }
}
