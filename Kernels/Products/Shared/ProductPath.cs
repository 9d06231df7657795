using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>An implementation of convolutions and matrix products on a GPU: a family of kernels, the choice among them, and their launches.</summary>
/// <remarks>The order of all sums depends on the shapes and the number of multiprocessors alone.</remarks>
internal abstract class ProductPath
{
    /// <summary>The operands that the kernels take, and what they do besides the product.</summary>
    public abstract ProductFeatures Features { get; }

    /// <summary>Loads y = alpha (conv(x) + bias) + beta residual.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents, of all images stored in x: of tangents too.</param>
    /// <param name="operands">The operands.</param>
    /// <param name="y">(N, H, W, K), of the operands' type or fp32.</param>
    /// <returns>The launch.</returns>
    public abstract Action Forward(GpuDevice gpu, ConvExtents e, ForwardOperands operands, Tensor y);

    /// <summary>Loads dx = alpha times the input gradient of dy, overwritten or added to.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents; C is the number of the weight's channels.</param>
    /// <param name="dy">(N, H, W, K), of the operands' type.</param>
    /// <param name="weight">(K, R, R, C), of the operands' type.</param>
    /// <param name="firstChannel">First input channel whose gradient is computed; 0 if x lies in one tensor.</param>
    /// <param name="dx">(N, H, W, channels), of the operands' type or fp32: the gradient of that number of channels.</param>
    /// <param name="alpha">Factor of the gradient.</param>
    /// <returns>The launch.</returns>
    public abstract Action InputGradient(GpuDevice gpu, ConvExtents e, Tensor dy, Tensor weight, int firstChannel, GradientSlot dx, float alpha);

    /// <summary>Loads dWeight = alpha times the weight gradient, and dBias = alpha times the sum of dy over pixels; both are overwritten or added to.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="e">Extents.</param>
    /// <param name="operands">The operands.</param>
    /// <param name="partials">Result of <see cref="Partials"/> for the same extents.</param>
    /// <param name="dWeight">(K, R, R, C), fp32.</param>
    /// <param name="dBias">(K), fp32, or null; always null without <see cref="ProductFeatures.SumsBiasGradient"/>.</param>
    /// <param name="alpha">Factor of the gradients.</param>
    /// <returns>The launch.</returns>
    public abstract Action WeightGradient(
        GpuDevice gpu, ConvExtents e, WeightGradientOperands operands, Tensor partials, GradientSlot dWeight, GradientSlot? dBias, float alpha);

    /// <summary>Allocates the partial sums of a weight gradient; the program's device is a GPU.</summary>
    public abstract Tensor Partials(ComputeProgram program, ConvExtents e);
}

/// <summary>The operands of a convolution.</summary>
/// <param name="X">(N, H, W, C).</param>
/// <param name="Weight">(K, R, R, C + C2).</param>
internal sealed record ForwardOperands(Tensor X, Tensor Weight)
{
    /// <summary>(N, H, W, C2), whose channels follow those of X, where <see cref="ProductFeatures.TakesTwoSources"/>; or null.</summary>
    public Tensor? XSkip { get; init; }

    /// <summary>(K), fp32, or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>Number of pixels that take the bias, from the first on: those of the primal.</summary>
    public int BiasedRows { get; init; }

    /// <summary>Tensor of y's shape and type, perhaps y itself, where <see cref="ProductFeatures.FusesResidual"/>; or null.</summary>
    public Tensor? Residual { get; init; }

    /// <summary>Projection shortcut in the same sum, where <see cref="ProductFeatures.TakesShortcut"/>, with a bias if and only if there is <see cref="Bias"/>; or null.</summary>
    public ProjectionShortcut? Shortcut { get; init; }

    /// <summary>Factor of the sum with the bias; 1 without <see cref="ProductFeatures.FusesResidual"/>.</summary>
    public float Alpha { get; init; } = 1;

    /// <summary>Factor of the residual.</summary>
    public float Beta { get; init; } = 1;
}

/// <summary>The operands of a weight gradient.</summary>
/// <param name="X">(N, H, W, C).</param>
/// <param name="XSkip">(N, H, W, C2), whose channels follow those of X, or null.</param>
/// <param name="Dy">(N, H, W, K).</param>
internal sealed record WeightGradientOperands(Tensor X, Tensor? XSkip, Tensor Dy);
