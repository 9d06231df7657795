using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Products in fp32 without tensor cores, on any GPU: <see cref="ImplicitGemm"/>.</summary>
internal sealed class PortableProduct : ProductPath
{
    /// <summary>The path.</summary>
    public static readonly PortableProduct Path = new();

    /// <inheritdoc/>
    public override ProductFeatures Features => new(DType.Float32);

    /// <inheritdoc/>
    public override Action Forward(GpuDevice gpu, ConvExtents e, ForwardOperands operands, Tensor y) => // its features include neither a residual nor a factor
        ImplicitGemm.Forward(gpu, e, operands.X, operands.Weight, operands.Bias, y, operands.BiasedRows);

    /// <inheritdoc/>
    public override Action InputGradient(GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, int firstChannel, GradientSlot dx, float alpha) =>
        ImplicitGemm.InputGradient(gpu, e, dy, weight, dx.Tensor, dx.Add);

    /// <inheritdoc/>
    public override Action WeightGradient(
        GpuDevice gpu, ConvExtents e, WeightGradientOperands operands, Tensor partials, GradientSlot dWeight, GradientSlot? dBias, float alpha) =>
        ImplicitGemm.WeightGradient(gpu, e, operands.X, operands.Dy, partials, dWeight);

    /// <inheritdoc/>
    public override Tensor Partials(ComputeProgram program, ConvExtents e) => ImplicitGemm.Partials(program, e)!;
}
