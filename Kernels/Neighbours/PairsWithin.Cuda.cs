using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread looks at one pair, and the few that are listed take a place by an integer atomic.</summary>
public static partial class PairsWithin
{
    internal static void ClearKernel(Index1D i, ArrayView<int> list) => list[i] = 0;

    /// <param name="pair">i C + j.</param>
    /// <param name="products">x y (R, C).</param>
    /// <param name="x">Squares and bounds (2, R).</param>
    /// <param name="y">Squares and bounds (2, C).</param>
    /// <param name="list">Number of pairs, then the pairs.</param>
    /// <param name="rows">R.</param>
    /// <param name="columns">C.</param>
    /// <param name="factor">What the sum of the squares is multiplied by.</param>
    internal static void ForwardKernel(
        Index1D pair, ArrayView<float> products, ArrayView<float> x, ArrayView<float> y, ArrayView<int> list, int rows, int columns, float factor)
    {
        int i = pair / columns, j = pair % columns;
        float least = (x[i] + y[j]) * factor - 2 * products[pair];
        if (least <= x[rows + i] || least <= y[columns + j])
        {
            int place = 1 + Atomic.Add(ref list[0], 1);
            if (place < list.Length)
                list[place] = pair;
        }
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor products, Tensor x, Tensor y, float factor, Tensor list)
    {
        var clear = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<int>>(ClearKernel);
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<int>, int, int, float>(ForwardKernel);
        return () =>
        {
            clear(gpu.Stream, list.Count, list.ViewOf<int>());
            kernel(gpu.Stream, products.Count, products.View, x.View, y.View, list.ViewOf<int>(), products.Shape[0], products.Shape[1], factor);
        };
    }
}
