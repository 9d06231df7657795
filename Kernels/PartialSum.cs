using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Adds up the partial sums of a weight gradient in the order of their ranges; four numbers a thread.</summary>
internal sealed class PartialSum(GpuDevice gpu)
{
    private readonly Action<AcceleratorStream, Index1D, ArrayView<Float4>, ArrayView<Float4>, int, float, int> kernel =
        gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<Float4>, ArrayView<Float4>, int, float, int>(SumRangesKernel);

    internal static void SumRangesKernel(Index1D i, ArrayView<Float4> partials, ArrayView<Float4> target, int ranges, float alpha, int add)
    {
        int count = target.IntLength;
        Float4 sum = partials[i];
        for (int range = 1; range < ranges; range++)
            sum += partials[i + range * count];
        sum = alpha * sum;
        target[i] = add != 0 ? target[i] + sum : sum;
    }

    /// <summary>Writes alpha times the sums of (ranges, count) over the target (count), or adds them; count is a multiple of 4.</summary>
    public void Launch(Tensor partials, int ranges, GradientSlot target, float alpha) => kernel(
        gpu.Stream, target.Tensor.Count / 4, partials.ViewOf<float>().Cast<Float4>(), target.Tensor.ViewOf<float>().Cast<Float4>(), ranges, alpha, target.Add);
}
