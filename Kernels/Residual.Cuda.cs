using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One thread an element.</summary>
public static partial class Residual
{
    /// <summary>In place of <see cref="GradientSlot.Add"/> for an operand that needs no gradient.</summary>
    private const int Skip = -1;

    internal static void ForwardKernel(
        Index1D i, ArrayView<float> longer, ArrayView<float> shorter, ArrayView<float> y, int shorterCount, float scale)
    {
        float sum = longer[i];
        if (i < shorterCount)
            sum += shorter[i];
        y[i] = sum * scale;
    }

    internal static void BackwardKernel(
        Index1D i, ArrayView<float> dy, ArrayView<float> da, ArrayView<float> db, float scale, int addA, int addB)
    {
        float contribution = scale * dy[i];
        if (addA != Skip)
            da[i] = addA != 0 ? da[i] + contribution : contribution;
        if (addB != Skip)
            db[i] = addB != 0 ? db[i] + contribution : contribution; // after da, which it is in (x + x)
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor longer, Tensor shorter, Tensor y, float scale)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, float>(ForwardKernel);
        return () => kernel(gpu.Stream, (int)y.StoredCount, longer.View, shorter.View, y.View, (int)shorter.StoredCount, scale);
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor dy, GradientSlot? da, GradientSlot? db, float scale)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, float, int, int>(BackwardKernel);
        return () => kernel(
            gpu.Stream, dy.Count, dy.View, (da?.Tensor ?? dy).View, (db?.Tensor ?? dy).View, scale, da?.Add ?? Skip, db?.Add ?? Skip);
    }
}
