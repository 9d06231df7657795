using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The kernels of <see cref="ImplicitGemm"/>.</summary>
public static partial class Conv2d
{
    private static Action ForwardGpu(GpuDevice gpu, Tensor x, Tensor weight, Tensor? bias, Tensor y) =>
        ImplicitGemm.Forward(gpu, Extents(x, weight), x, weight, bias, y, bias is null ? 0 : y.Count / y.Shape.C);

    private static Action InputGradientGpu(GpuDevice gpu, Tensor dy, Tensor weight, GradientSlot dx) =>
        ImplicitGemm.InputGradient(gpu, Extents(dy, weight), dy, weight, dx.Tensor, dx.Add);

    private static Action WeightGradientGpu(GpuDevice gpu, Tensor x, Tensor dy, Tensor partials, GradientSlot dWeight) =>
        ImplicitGemm.WeightGradient(gpu, Extents(x, dWeight.Tensor), x, dy, partials, dWeight);

    /// <summary>Of the images stored in x or y, a tangent's too.</summary>
    private static ConvExtents Extents(Tensor images, Tensor weight) => weight.Shape[1] == 1
        ? ConvExtents.Rows(images.StoredCount / images.Shape.C, weight.Shape.C, weight.Shape[0])
        : new() { N = images.StoredN, H = images.Shape.H, W = images.Shape.W, C = weight.Shape.C, K = weight.Shape[0], R = weight.Shape[1] };
}
