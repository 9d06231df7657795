using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Adds up the partial sums of a gradient in the order of their ranges; four numbers a thread.</summary>
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

    /// <summary>Writes alpha times sums of (ranges, count) over the target (count), or adds them; count is a multiple of 4.</summary>
    /// <param name="partials">Holds the sums.</param>
    /// <param name="first">Element where they begin, a multiple of 4.</param>
    /// <param name="ranges">How many sums are added up.</param>
    /// <param name="target">Where the gradient goes.</param>
    /// <param name="alpha">Factor.</param>
    public void Launch(Tensor partials, int first, int ranges, GradientSlot target, float alpha)
    {
        ArrayView<float> sums = partials.View.SubView(first, ranges * target.Tensor.Count);
        kernel(gpu.Stream, target.Tensor.Count / 4, sums.Cast<Float4>(), target.Tensor.View.Cast<Float4>(), ranges, alpha, target.Add);
    }
}
