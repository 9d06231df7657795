using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The kernels of the 1x1 convolution, a row standing for a pixel.</summary>
public static partial class Linear
{
    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor weight, Tensor? bias, Tensor y) =>
        ImplicitGemm.Forward(gpu, Extents(x.StoredCount, weight, weight.Shape.C), x, weight, bias, y, bias is null ? 0 : y.Count);

    private static Action InputGradientGpu(GpuDevice gpu, Tensor dy, Tensor weight, GradientSlot dx) =>
        ImplicitGemm.InputGradient(gpu, Extents(dy.Count, weight, weight.Shape[0]), dy, weight, dx.Tensor, dx.Add);

    private static Action WeightGradientGpu(GpuDevice gpu, Tensor x, Tensor dy, GradientSlot dWeight) =>
        ImplicitGemm.WeightGradient(gpu, Extents(x.Count, dWeight.Tensor, x.Shape.C), x, dy, dWeight);

    private static Action BiasGradientGpu(GpuDevice gpu, Tensor dy, GradientSlot dBias) => ImplicitGemm.ColumnSum(gpu, dy, dBias);

    private static ConvExtents Extents(long count, Tensor weight, int channels) =>
        ConvExtents.Rows(count / channels, weight.Shape.C, weight.Shape[0]);
}
