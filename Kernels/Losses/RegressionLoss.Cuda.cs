using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, forward gives each sample to a group. Backward gives each element of f to a thread, and each sample of w.</summary>
public static partial class RegressionLoss
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

    /// <summary>As <see cref="ForwardKernel"/> for the other distances, with a second sum, of absolute values.</summary>
    internal static void DistanceKernel(
        ArrayView<float> f, ArrayView<float> target, ArrayView<float> w, ArrayView<float> loss, ArrayView<float> error, ArrayView<float> distance,
        int size, int absolute, float constant)
    {
        int n = Grid.IdxX;
        double squares = 0, magnitudes = 0;
        for (int i = n * size + Group.IdxX; i < (n + 1) * size; i += Group.DimX)
        {
            float difference = f[i] - target[i];
            squares += (double)difference * difference;
            magnitudes += MathF.Abs(difference);
        }

        squares = GroupSum.Of(squares);
        magnitudes = GroupSum.Of(magnitudes);
        if (Group.IdxX != 0)
            return;
        error[n] = (float)(squares / size);
        distance[n] = absolute != 0 ? (float)(magnitudes / size) : Huber(squares, constant);
        loss[n] = MathF.Exp(w[n]) * distance[n] - w[n];
    }

    internal static void BackwardKernel(
        Index1D i, ArrayView<float> f, ArrayView<float> target, ArrayView<float> w, ArrayView<float> dloss, ArrayView<float> df, int size, int add)
    {
        int n = i / size;
        float contribution = dloss[n] * MathF.Exp(w[n]) * (2f / size) * (f[i] - target[i]);
        df[i] = add != 0 ? df[i] + contribution : contribution;
    }

    /// <summary>As <see cref="BackwardKernel"/> for the other distances.</summary>
    internal static void DistanceBackwardKernel(
        Index1D i, ArrayView<float> f, ArrayView<float> target, ArrayView<float> w, ArrayView<float> error, ArrayView<float> dloss, ArrayView<float> df,
        int size, int absolute, float constant, int add)
    {
        int n = i / size;
        float difference = f[i] - target[i];
        float slope = absolute != 0 ? Sign(difference) / size : difference * HuberSlope(error[n], size, constant);
        float contribution = dloss[n] * MathF.Exp(w[n]) * slope;
        df[i] = add != 0 ? df[i] + contribution : contribution;
    }

    internal static void BackwardWeightKernel(
        Index1D n, ArrayView<float> w, ArrayView<float> distance, ArrayView<float> dloss, ArrayView<float> dw, int add)
    {
        float contribution = dloss[n] * (MathF.Exp(w[n]) * distance[n] - 1f);
        dw[n] = add != 0 ? dw[n] + contribution : contribution;
    }

    /// <summary>sqrt(||d||^2 + c^2) - c.</summary>
    private static float Huber(double squares, float constant) => (float)(Math.Sqrt(squares + (double)constant * constant) - constant);

    /// <summary>1 / sqrt(||d||^2 + c^2), or 0 if d and c are 0, where it has no limit.</summary>
    private static float HuberSlope(float error, int size, float constant)
    {
        float square = error * size + constant * constant;
        return square > 0f ? 1f / MathF.Sqrt(square) : 0f;
    }

    private static float Sign(float value) => value > 0f ? 1f : value < 0f ? -1f : 0f;

    private static Action ForwardGpu(GpuDevice gpu, Terms terms)
    {
        int size = terms.Size;
        var config = new KernelConfig(terms.F.Shape.N, gpu.ReductionGroup);
        if (terms.Kind == LossKind.Squared)
        {
            var kernel = gpu.Accelerator.LoadKernel<
                ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int>(ForwardKernel);
            return () => kernel(
                gpu.Stream, config, terms.F.View, terms.Target.View, terms.W.View, terms.Loss.View, terms.Error.View, size, size % 4 == 0 ? 1 : 0);
        }

        var other = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, float>(DistanceKernel);
        return () => other(
            gpu.Stream, config, terms.F.View, terms.Target.View, terms.W.View, terms.Loss.View, terms.Error.View, terms.Distance.View, size,
            terms.Kind == LossKind.Absolute ? 1 : 0, terms.Constant);
    }

    private static Action BackwardGpu(GpuDevice gpu, Terms terms, Tensor dloss, GradientSlot df)
    {
        int size = terms.Size;
        if (terms.Kind == LossKind.Squared)
        {
            var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
                Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int>(BackwardKernel);
            return () => kernel(gpu.Stream, terms.F.Count, terms.F.View, terms.Target.View, terms.W.View, dloss.View, df.Tensor.View, size, df.Add);
        }

        var other = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, float, int>(DistanceBackwardKernel);
        return () => other(
            gpu.Stream, terms.F.Count, terms.F.View, terms.Target.View, terms.W.View, terms.Error.View, dloss.View, df.Tensor.View, size,
            terms.Kind == LossKind.Absolute ? 1 : 0, terms.Constant, df.Add);
    }

    private static Action BackwardWeightGpu(GpuDevice gpu, Terms terms, Tensor dloss, GradientSlot dw)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(BackwardWeightKernel);
        return () => kernel(gpu.Stream, terms.W.Count, terms.W.View, terms.Distance.View, dloss.View, dw.Tensor.View, dw.Add);
    }
}
