using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The kernels of the 1x1 convolution in <see cref="ImplicitGemm"/>, a row standing for a pixel.</summary>
public static partial class Linear
{
    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor weight, Tensor? bias, Tensor y) =>
        ImplicitGemm.Forward(gpu, Extents(x, weight), x, weight, bias, y, bias is null ? 0 : y.Count / y.Shape.C);

    private static Action InputGradientGpu(GpuDevice gpu, Tensor dy, Tensor weight, GradientSlot dx) =>
        ImplicitGemm.InputGradient(gpu, Extents(dy, weight), dy, weight, dx.Tensor, dx.Add);

    private static Action WeightGradientGpu(GpuDevice gpu, Tensor x, Tensor dy, Tensor partials, GradientSlot dWeight) =>
        ImplicitGemm.WeightGradient(gpu, Extents(x, dWeight.Tensor), x, dy, partials, dWeight);

    /// <summary>Of the rows stored in x or y, a tangent's too.</summary>
    private static ConvExtents Extents(Tensor rows, Tensor weight) =>
        ConvExtents.Rows(rows.StoredCount / rows.Shape.C, weight.Shape.C, weight.Shape[0]);
}
