using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Forward: one group a sample, one thread four elements. Backward: one thread an element of f, one thread a sample for w.</summary>
public static partial class WeightedSquaredError
{
    internal static void ForwardKernel(
        ArrayView<float> f, ArrayView<float> target, ArrayView<float> w, ArrayView<float> loss, ArrayView<float> error, int size,
        int aligned)
    {
        int n = Grid.IdxX;
        int end = (n + 1) * size;
        double partial = 0;
        for (int i = n * size + 4 * Group.IdxX; i < end; i += 4 * Group.DimX)
            partial += Float4.Squares(Float4.Load(f, i, end - i, aligned) - Float4.Load(target, i, end - i, aligned));

        float mean = (float)(GroupSum.Of(partial) / size);
        if (Group.IdxX != 0)
            return;
        error[n] = mean;
        loss[n] = MathF.Exp(w[n]) * mean - w[n];
    }

    internal static void BackwardKernel(
        Index1D i, ArrayView<float> f, ArrayView<float> target, ArrayView<float> w, ArrayView<float> dloss, ArrayView<float> df, int size, int add)
    {
        int n = i / size;
        float contribution = dloss[n] * MathF.Exp(w[n]) * (2f / size) * (f[i] - target[i]);
        df[i] = add != 0 ? df[i] + contribution : contribution;
    }

    internal static void BackwardWeightKernel(
        Index1D n, ArrayView<float> w, ArrayView<float> error, ArrayView<float> dloss, ArrayView<float> dw, int add)
    {
        float contribution = dloss[n] * (MathF.Exp(w[n]) * error[n] - 1f);
        dw[n] = add != 0 ? dw[n] + contribution : contribution;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor f, Tensor target, Tensor w, Tensor loss, Tensor error)
    {
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int>(ForwardKernel);
        int size = f.Count / f.Shape.N;
        return () => kernel(
            gpu.Stream, new KernelConfig(f.Shape.N, gpu.ReductionGroup), f.View, target.View, w.View, loss.View, error.View, size,
            size % 4 == 0 ? 1 : 0);
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor f, Tensor target, Tensor w, Tensor dloss, GradientSlot df)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int>(BackwardKernel);
        int size = f.Count / f.Shape.N;
        return () => kernel(gpu.Stream, f.Count, f.View, target.View, w.View, dloss.View, df.Tensor.View, size, df.Add);
    }

    private static Action BackwardWeightGpu(GpuDevice gpu, Tensor w, Tensor error, Tensor dloss, GradientSlot dw)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(BackwardWeightKernel);
        return () => kernel(gpu.Stream, w.Count, w.View, error.View, dloss.View, dw.Tensor.View, dw.Add);
    }
}
