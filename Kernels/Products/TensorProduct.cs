using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The convolutions of a GPU by storage and path: <see cref="ImplicitGemm"/> in fp32, <see cref="WgmmaProduct"/> or
/// <see cref="MmaProduct"/> on bf16. Where the path is portable, bf16 tensors are widened first: slow, and the reference of the others.
/// </summary>
internal static class TensorProduct
{
    /// <summary>Channels of a bf16 pixel that tensor cores take: 16 bytes.</summary>
    private const int Grain = 8;

    /// <summary>Whether products of bf16 tensors run on tensor cores.</summary>
    public static bool OnTensorCores(ComputeDevice device, DType type) =>
        type == DType.BFloat16 && device is GpuDevice { TensorCores: not TensorCorePath.Portable };

    /// <summary>The element type that the kernels take for tensors stored in a type.</summary>
    public static DType ElementType(ComputeDevice device, DType type) => OnTensorCores(device, type) ? type : DType.Float32;

    /// <summary>The number of channels that the kernels take for a number of channels.</summary>
    public static int Channels(ComputeDevice device, DType type, int channels) =>
        OnTensorCores(device, type) ? (channels + Grain - 1) / Grain * Grain : channels;

    /// <summary>Whether the channels of an input may lie in two tensors.</summary>
    public static bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor xSkip, int outputs) =>
        x.Type == DType.BFloat16 && device is GpuDevice { TensorCores: TensorCorePath.Wgmma } && xSkip.HasTangent == x.HasTangent
        && x.Shape.C % WgmmaTile.Depth == 0 && xSkip.Shape.C % Grain == 0 && outputs % Grain == 0;

    /// <summary>Whether a shortcut is added within the kernel of a convolution of x with a bias.</summary>
    public static bool TakesShortcut(ComputeDevice device, Tensor x, int outputs, ProjectionShortcut shortcut) =>
        x.Type == DType.BFloat16 && device is GpuDevice { TensorCores: TensorCorePath.Wgmma } && x.Shape.C % Grain == 0 && outputs % Grain == 0
        && shortcut.X.HasTangent == x.HasTangent && (shortcut.XSkip is { } xSkip ? TakesTwoSources(device, shortcut.X, xSkip, outputs) : shortcut.X.Shape.C % Grain == 0);

    /// <summary>y = scale (conv(x, xSkip) + bias for the first pixels + residual, or shortcut with its bias).</summary>
    public static Action Forward(
        GpuDevice gpu, Tensor x, Tensor? xSkip, Tensor weight, Tensor? bias, int biasedRows, Tensor? residual, float scale, Tensor y, ProjectionShortcut? shortcut = null)
    {
        ConvExtents e = Extents(x, weight);
        if (x.Type == DType.Float32)
            return ImplicitGemm.Forward(gpu, e, x, weight, bias, y, bias is null ? 0 : biasedRows);
        return gpu.TensorCores == TensorCorePath.Wgmma
            ? WgmmaProduct.Forward(gpu, e, x, weight, bias, y, biasedRows, scale, residual, scale, xSkip: xSkip, shortcut: shortcut)
            : MmaProduct.Forward(gpu, e, x, weight, bias, y, biasedRows, scale, residual, scale);
    }

    /// <summary>dx = scale times the input gradient of as many channels as dx has, overwritten or added to.</summary>
    public static Action InputGradient(GpuDevice gpu, Tensor dy, Tensor weight, int firstChannel, float scale, GradientSlot dx)
    {
        ConvExtents e = Extents(dy, weight);
        if (dy.Type == DType.Float32)
            return ImplicitGemm.InputGradient(gpu, e, dy, weight, dx.Tensor, dx.Add);
        return gpu.TensorCores == TensorCorePath.Wgmma
            ? WgmmaProduct.InputGradient(gpu, e, dy, weight, dx.Tensor, scale, dx.Add, firstChannel)
            : MmaProduct.InputGradient(gpu, e, dy, weight, dx.Tensor, scale, dx.Add);
    }

    /// <summary>Whether the kernel of a weight gradient sums dy over pixels too, as the gradient of a bias.</summary>
    public static bool SumsBias(ComputeDevice device, DType type, int outputs) =>
        type == DType.BFloat16 && device is GpuDevice { TensorCores: TensorCorePath.Wgmma } && outputs % Grain == 0;

    /// <summary>dWeight = scale times the weight gradient, overwritten or added to; fp32. So dBias, only where <see cref="SumsBias"/>.</summary>
    public static Action WeightGradient(
        GpuDevice gpu, Tensor x, Tensor? xSkip, Tensor dy, Tensor partials, float scale, GradientSlot dWeight, GradientSlot? dBias)
    {
        ConvExtents e = Extents(x, dWeight.Tensor);
        if (x.Type == DType.Float32)
            return ImplicitGemm.WeightGradient(gpu, e, x, dy, partials, dWeight);
        return gpu.TensorCores == TensorCorePath.Wgmma
            ? WgmmaProduct.WeightGradient(gpu, e, x, dy, partials, dWeight, scale, xSkip, dBias)
            : MmaProduct.WeightGradient(gpu, e, x, dy, partials, dWeight, scale);
    }

    /// <summary>Room for the partial sums of a weight gradient; null on the host.</summary>
    public static Tensor? Partials(ComputeProgram program, Tensor x, Tensor weight)
    {
        ConvExtents e = Extents(x, weight);
        if (x.Type == DType.Float32)
            return ImplicitGemm.Partials(program, e);
        return ((GpuDevice)program.Device).TensorCores == TensorCorePath.Wgmma ? WgmmaProduct.Partials(program, e) : MmaProduct.Partials(program, e);
    }

    /// <summary>Of the images stored in x or y, a tangent's too.</summary>
    private static ConvExtents Extents(Tensor images, Tensor weight) => weight.Shape[1] == 1
        ? ConvExtents.Rows(images.StoredCount / images.Shape.C, weight.Shape.C, weight.Shape[0])
        : new() { N = images.StoredN, H = images.Shape.H, W = images.Shape.W, C = weight.Shape.C, K = weight.Shape[0], R = weight.Shape[1] };
}
