using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU, each thread writes one element. A gradient's thread sums over the batch in order, so that sums are reproducible.</summary>
public static partial class LabelEmbedding
{
    internal static void ForwardKernel(
        Index1D i, ArrayView<int> labels, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> y,
        int width, int classes, float scale, int hasBias)
    {
        int n = i / width;
        int k = i - n * width;
        int label = labels[n];
        float value = hasBias != 0 ? bias[k] : 0f;
        if (label >= 0 && label < classes)
            value += scale * weight[k * classes + label];
        y[i] = value;
    }

    internal static void BackwardWeightKernel(
        Index1D i, ArrayView<int> labels, ArrayView<float> dy, ArrayView<float> dWeight, int samples, int width, int classes, float scale, int add)
    {
        int k = i / classes;
        int label = i - k * classes;
        float sum = 0f;
        for (int n = 0; n < samples; n++)
            if (labels[n] == label)
                sum += dy[n * width + k];
        sum *= scale;
        dWeight[i] = add != 0 ? dWeight[i] + sum : sum;
    }

    internal static void BackwardBiasKernel(Index1D k, ArrayView<float> dy, ArrayView<float> dBias, int samples, int width, int add)
    {
        float sum = 0f;
        for (int n = 0; n < samples; n++)
            sum += dy[n * width + k];
        dBias[k] = add != 0 ? dBias[k] + sum : sum;
    }

    private static Action ForwardGpu(GpuDevice gpu, Tensor labels, Tensor weight, Tensor? bias, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, float, int>(ForwardKernel);
        return () => kernel(
            gpu.Stream, y.Count, labels.ViewOf<int>(), weight.View, (bias ?? weight).View, y.View,
            y.Shape.C, weight.Shape.C, Scale(weight), bias is null ? 0 : 1);
    }

    private static Action BackwardWeightGpu(GpuDevice gpu, Tensor labels, Tensor dy, GradientSlot dWeight)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<int>, ArrayView<float>, ArrayView<float>, int, int, int, float, int>(BackwardWeightKernel);
        Tensor target = dWeight.Tensor;
        return () => kernel(
            gpu.Stream, target.Count, labels.ViewOf<int>(), dy.View, target.View,
            dy.Shape.N, dy.Shape.C, target.Shape.C, Scale(target), dWeight.Add);
    }

    private static Action BackwardBiasGpu(GpuDevice gpu, Tensor dy, GradientSlot dBias)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int, int>(BackwardBiasKernel);
        return () => kernel(gpu.Stream, dy.Shape.C, dy.View, dBias.Tensor.View, dy.Shape.N, dy.Shape.C, dBias.Add);
    }
}
