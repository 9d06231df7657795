using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolution with stride 1 and zero padding that keeps the extents:
/// y[n, h, w, k] = bias[k] + sum over r, s, c of weight[k, r, s, c] x[n, h + r - R/2, w + s - R/2, c].
/// </summary>
/// <remarks>
/// A cross-correlation, as everywhere in the field. Linear in x, so the tangent is the same convolution without the bias.
/// Backward: dx is the convolution of dy with the taps flipped and k, c exchanged;
/// dWeight[k, r, s, c] = sum over n, h, w of dy[n, h, w, k] x[n, h + r - R/2, w + s - R/2, c]; dBias is the sum of dy over pixels.
/// 1x1 is <see cref="Linear"/> over pixels.
/// </remarks>
public static partial class Conv2d
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32 or bf16.</param>
    /// <param name="weight">(K, R, R, C), R = 1 or 3, of x's type, or bf16: an fp32 x is then rounded for the product, the output fp32.</param>
    /// <param name="bias">(K), fp32, or null.</param>
    /// <param name="residual">
    /// (N, H, W, K), of x's type: the output is <see cref="Residual"/> of it and the convolution, on tensor cores without a pass of its own.
    /// </param>
    /// <param name="scale">Factor of the sum with the residual or the shortcut; 1 without one.</param>
    /// <param name="shortcut">Added in place of a residual, where <see cref="TakesShortcut"/>; or null.</param>
    /// <returns>(N, H, W, K), of x's type.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or weight or bias carries a tangent, or x is bf16 and the device the host.</exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor x, Tensor weight, Tensor? bias = null, Tensor? residual = null, float scale = 1, ProjectionShortcut? shortcut = null)
    {
        if (x.Shape.Rank != 4 || weight.Shape.Rank != 4 || weight.Shape.C != x.Shape.C
            || weight.Shape[1] != weight.Shape[2] || weight.Shape[1] is not (1 or 3)
            || (bias is not null && bias.Shape != new Shape(weight.Shape[0])))
            throw new ArgumentException($"conv2d: x {x}, weight {weight}, bias {bias}; wanted (N, H, W, C), (K, R, R, C) with R = 1 or 3, (K)");
        if (shortcut is null && Im2Col.OfInputs(program.Device, x, weight))
            return Record(program, "conv2d", Im2Col.UnfoldInput(program, "conv2d", x), weight.Reshape(weight.Shape[0], 1, 1, weight.Count / weight.Shape[0]), bias, residual, scale);
        if (shortcut is null)
            return Record(program, "conv2d", x, weight, bias, residual, scale);
        CheckShortcut(program, x, weight, bias, residual, shortcut);
        return new ConvolutionSteps(program, "conv2d", x, weight, bias, null, scale) { Shortcut = shortcut }.Record();
    }

    /// <summary>Whether the device adds a shortcut within the convolution of x; otherwise it is a <see cref="Linear"/> layer whose output is a residual.</summary>
    public static bool TakesShortcut(ComputeDevice device, Tensor x, int outputs, ProjectionShortcut shortcut) =>
        TensorProduct.TakesShortcut(device, x, outputs, shortcut);

    private static void CheckShortcut(ComputeProgram program, Tensor x, Tensor weight, Tensor? bias, Tensor? residual, ProjectionShortcut shortcut)
    {
        int outputs = weight.Shape[0];
        var images = new Shape(x.Shape.N, x.Shape.H, x.Shape.W, shortcut.X.Shape.C);
        if (bias is null || residual is not null || weight.Type != x.Type || shortcut.Weight.Type != x.Type || shortcut.X.Type != x.Type
            || shortcut.X.Shape != images || shortcut.Weight.Shape != new Shape(outputs, 1, 1, shortcut.Channels) || shortcut.Bias.Shape != new Shape(outputs))
            throw new ArgumentException($"conv2d: x {x}, weight {weight} and {shortcut} do not fit, or there is no bias, or a residual");
        if (!TakesShortcut(program.Device, x, outputs, shortcut))
            throw new ArgumentException($"conv2d: {program.Device.Name} does not add {shortcut} to a convolution of {x}");
    }

    /// <summary>Records a convolution under the name of the op whose shapes have been checked.</summary>
    internal static Tensor Record(
        ComputeProgram program, string op, Tensor x, Tensor weight, Tensor? bias, Tensor? residual, float scale, Tensor? xSkip = null)
    {
        if (x.Type is not (DType.Float32 or DType.BFloat16) || (weight.Type != x.Type && weight.Type != DType.BFloat16) || bias is { Type: not DType.Float32 })
            throw new ArgumentException($"{op}: x {x}, weight {weight}, bias {bias}; wanted Float32 or BFloat16, the weight of x's type or BFloat16, the bias Float32");
        if (weight.HasTangent || bias is { HasTangent: true })
            throw new ArgumentException($"{op}: weight {weight} and bias {bias} must not carry tangents");
        if (residual is null && scale != 1)
            throw new ArgumentException($"{op}: the scale is {scale} but there is no residual");
        var shape = new Shape(x.Shape.N, x.Shape.H, x.Shape.W, weight.Shape[0]);
        if (residual is not null && (residual.Shape != shape || residual.Type != x.Type))
            throw new ArgumentException($"{op}: the residual {residual} is not {shape} {x.Type}");
        if (residual is null && Im2Col.OfOutputs(program.Device, x, weight))
            return new Col2ImConvolution(program, op, x, weight, bias).Record();
        if (residual is null || (x.Type == weight.Type && ConvolutionSteps.Fuses(program.Device, x, weight.Shape[0]) && residual.HasTangent == x.HasTangent))
            return new ConvolutionSteps(program, op, x, weight, bias, residual, scale) { XSkip = xSkip }.Record();
        return Residual.Apply(program, Record(program, op, x, weight, bias, null, 1, xSkip), residual, scale);
    }
}
