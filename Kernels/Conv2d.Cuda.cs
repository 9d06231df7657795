using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Implicit matrix products: the patches are gathered while a product runs and never stored.</summary>
public static partial class Conv2d
{
    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor weight, Tensor? bias, Tensor y) =>
        ImplicitGemm.Forward(gpu, ConvExtents.Of(x, weight), x, weight, bias, y, bias is null ? 0 : y.Count);

    private static Action InputGradientGpu(GpuDevice gpu, Tensor dy, Tensor weight, GradientSlot dx) =>
        ImplicitGemm.InputGradient(gpu, ConvExtents.Of(dy, weight), dy, weight, dx.Tensor, dx.Add);

    private static Action WeightGradientGpu(GpuDevice gpu, Tensor x, Tensor dy, GradientSlot dWeight) =>
        ImplicitGemm.WeightGradient(gpu, ConvExtents.Of(x, dWeight.Tensor), x, dy, dWeight);

    private static Action BiasGradientGpu(GpuDevice gpu, Tensor dy, GradientSlot dBias) => ImplicitGemm.ColumnSum(gpu, dy, dBias);
}
