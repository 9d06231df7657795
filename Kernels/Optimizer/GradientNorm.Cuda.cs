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

    /// <summary>As <see cref="SquaresKernel"/> over finite elements alone; counts the others.</summary>
    internal static void FiniteSquaresKernel(ArrayView<float> gradients, ArrayView<double> partials, ArrayView<double> counts, int count)
    {
        int start = Grid.IdxX * Block;
        int end = IntrinsicMath.Min(start + Block, count);
        double partial = 0;
        int others = 0;
        for (int i = start + 4 * Group.IdxX; i < end; i += 4 * Group.DimX)
        {
            Float4 values = Float4.Load(gradients, i, end - i, end - i >= 4 ? 1 : 0);
            partial += Float4.Squares(Float4.FiniteOrZero(values));
            others += Float4.CountNonFinite(values);
        }

        double sum = GroupSum.Of(partial);
        double total = GroupSum.Of(others);
        if (Group.IdxX != 0)
            return;
        partials[Grid.IdxX] = sum;
        counts[Grid.IdxX] = total;
    }

    /// <param name="partials">Sums of squares of the blocks.</param>
    /// <param name="counts">Numbers of zeroed elements of the blocks; any view if none are zeroed.</param>
    /// <param name="losses">Tally of the losses.</param>
    /// <param name="clip">Receives the clip decision.</param>
    /// <param name="counters">Counters of steps.</param>
    /// <param name="zeroed">Receives the number of zeroed elements; any view if none are zeroed.</param>
    /// <param name="blocks">Number of blocks.</param>
    /// <param name="maxNorm">Maximum norm.</param>
    /// <param name="zeroes">1 if elements that are not finite are zeroed, otherwise 0.</param>
    internal static void ClipKernel(
        ArrayView<double> partials, ArrayView<double> counts, ArrayView<double> losses, ArrayView<float> clip, ArrayView<int> counters, ArrayView<float> zeroed,
        int blocks, float maxNorm, int zeroes)
    {
        double partial = 0, others = 0;
        for (int i = Group.IdxX; i < blocks; i += Group.DimX)
        {
            partial += partials[i];
            if (zeroes != 0)
                others += counts[i];
        }

        double sum = GroupSum.Of(partial);
        double elements = GroupSum.Of(others);
        if (Group.IdxX != 0)
            return;
        if (zeroes != 0)
            zeroed[0] = (float)elements;
        float norm = (float)Math.Sqrt(sum);
        float factor = Factor(norm, losses[1], losses[2], maxNorm, zeroes);
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

    private static Action SquaresGpu(GpuDevice gpu, Tensor gradients, Tensor partials, Tensor? counts)
    {
        if (counts is not null)
        {
            var finite = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<double>, ArrayView<double>, int>(FiniteSquaresKernel);
            return () => finite(
                gpu.Stream, new KernelConfig(partials.Count, gpu.ReductionGroup), gradients.View, partials.ViewOf<double>(), counts.ViewOf<double>(), gradients.Count);
        }

        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<double>, int>(SquaresKernel);
        return () => kernel(
            gpu.Stream, new KernelConfig(partials.Count, gpu.ReductionGroup), gradients.View, partials.ViewOf<double>(), gradients.Count);
    }

    private static Action ClipGpu(
        GpuDevice gpu, Tensor partials, Tensor? counts, Tensor losses, float maxNorm, Tensor clip, Tensor counters, Tensor? zeroed)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<double>, ArrayView<double>, ArrayView<double>, ArrayView<float>, ArrayView<int>, ArrayView<float>, int, float, int>(ClipKernel);
        return () => kernel(
            gpu.Stream, new KernelConfig(1, gpu.ReductionGroup), partials.ViewOf<double>(), (counts ?? partials).ViewOf<double>(), losses.ViewOf<double>(),
            clip.View, counters.ViewOf<int>(), (zeroed ?? clip).View, partials.Count, maxNorm, counts is null ? 0 : 1);
    }
}
