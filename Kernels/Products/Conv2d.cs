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
public static class Conv2d
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32 or bf16.</param>
    /// <param name="weight">(K, R, R, C), R = 1 or 3, of x's type, or bf16: an fp32 x is then rounded for the product, the output fp32.</param>
    /// <param name="bias">(K), fp32, or null.</param>
    /// <param name="residual">
    /// (N, H, W, K), of x's type, or null: the output is then <see cref="ScaledAdd"/> of the residual and the convolution, on tensor cores in the same launch.
    /// </param>
    /// <param name="scale">Factor of the sum with the residual or the shortcut; 1 without one.</param>
    /// <param name="shortcut">Added instead of a residual, where <see cref="TakesShortcut"/>; has a bias if and only if the convolution has one. Or null.</param>
    /// <returns>(N, H, W, K), of x's type.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or weight or bias carries a tangent, or x is bf16 and the device the host.</exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor x, Tensor weight, Tensor? bias = null, Tensor? residual = null, float scale = 1, ProjectionShortcut? shortcut = null)
    {
        if (x.Shape.Rank != 4 || weight.Shape.Rank != 4 || weight.Shape.C != x.Shape.C
            || weight.Shape[1] != weight.Shape[2] || weight.Shape[1] is not (1 or 3)
            || (bias is not null && bias.Shape != new Shape(weight.Shape[0])))
            throw new ArgumentException($"conv2d: x {x}, weight {weight}, bias {bias}; wanted (N, H, W, C), (K, R, R, C) with R = 1 or 3, (K)");
        if (shortcut is not null)
            Check(program.Device, x, weight, bias, residual, shortcut);
        return new Convolution(program, "conv2d", x, weight) { Bias = bias, Residual = residual, Scale = scale, Shortcut = shortcut }.Record();
    }

    /// <summary>Whether the device adds a projection shortcut within the convolution of x; otherwise it is a <see cref="Linear"/> layer whose output is a residual.</summary>
    /// <param name="device">The device.</param>
    /// <param name="x">(N, H, W, C).</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="shortcut">The shortcut.</param>
    public static bool TakesShortcut(ComputeDevice device, Tensor x, int outputs, ProjectionShortcut shortcut)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(shortcut);
        return ProductKernels.On(device, x.Type).Features.TakesShortcut(x, outputs, shortcut);
    }

    private static void Check(ComputeDevice device, Tensor x, Tensor weight, Tensor? bias, Tensor? residual, ProjectionShortcut shortcut)
    {
        int outputs = weight.Shape[0];
        var images = new Shape(x.Shape.N, x.Shape.H, x.Shape.W, shortcut.X.Shape.C);
        if (residual is not null || weight.Type != x.Type || shortcut.Weight.Type != x.Type || shortcut.X.Type != x.Type
            || shortcut.X.Shape != images || shortcut.Weight.Shape != new Shape(outputs, 1, 1, shortcut.Channels)
            || bias is null != shortcut.Bias is null || (shortcut.Bias is { } further && further.Shape != new Shape(outputs)))
            throw new ArgumentException($"conv2d: x {x}, weight {weight}, bias {bias} and {shortcut} do not fit, or there is a residual, or one bias only");
        if (!TakesShortcut(device, x, outputs, shortcut))
            throw new ArgumentException($"conv2d: {device.Name} does not add {shortcut} to a convolution of {x}");
    }
}
