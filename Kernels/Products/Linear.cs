using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y[..., k] = bias[k] + sum over c of weight[k, c] x[..., c]; over pixels, the 1x1 convolution.</summary>
/// <remarks>
/// Linear in x, so the tangent is the same product without the bias. With the leading axes of x taken as rows:
/// dx = dy weight, dWeight = dy^T x, dBias is the sum of dy over rows.
/// </remarks>
public static class Linear
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), one to four axes, fp32 or bf16.</param>
    /// <param name="weight">(K, C), of x's type, or bf16, see <see cref="Conv2d.Apply"/>.</param>
    /// <param name="bias">(K), fp32, or null.</param>
    /// <param name="residual">(..., K), of x's type, or null; see <see cref="Conv2d.Apply"/>.</param>
    /// <param name="scale">Factor of the sum with the residual; 1 without one.</param>
    /// <param name="xSkip">
    /// (..., C2), or null: the op is then applied to the <see cref="Concat"/> of x and xSkip, C + C2 channels, which is not stored where
    /// <see cref="TakesTwoSources"/>.
    /// </param>
    /// <returns>(..., K), of x's type.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or weight or bias carries a tangent, or x is bf16 and the device the host.</exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor x, Tensor weight, Tensor? bias = null, Tensor? residual = null, float scale = 1, Tensor? xSkip = null)
    {
        if (xSkip is not null && !TakesTwoSources(program.Device, x, xSkip, weight.Shape[0]))
            return Apply(program, Concat.Apply(program, x, xSkip), weight, bias, residual, scale);
        int channels = x.Shape.C + (xSkip?.Shape.C ?? 0);
        if (weight.Shape.Rank != 2 || weight.Shape.C != channels || (bias is not null && bias.Shape != new Shape(weight.Shape[0])))
            throw new ArgumentException($"linear: x {x}, {(xSkip is null ? "" : $"xSkip {xSkip}, ")}weight {weight}, bias {bias}; wanted (..., C), (K, C), (K)");
        int[] extents = x.Shape.ToArray();
        extents[^1] = weight.Shape[0];
        if (residual is not null && residual.Shape != new Shape(extents))
            throw new ArgumentException($"linear: the residual {residual} is not {new Shape(extents)}");
        int rows = x.Count / x.Shape.C; // each row is an image of one pixel
        if (xSkip is not null && xSkip.Count / xSkip.Shape.C != rows)
            throw new ArgumentException($"linear: {xSkip} has not as many rows as {x}");
        return new Convolution(program, "linear", x.Reshape(rows, 1, 1, x.Shape.C), weight.Reshape(weight.Shape[0], 1, 1, channels))
        {
            XSkip = xSkip?.Reshape(rows, 1, 1, xSkip.Shape.C),
            Bias = bias,
            Residual = residual?.Reshape(rows, 1, 1, weight.Shape[0]),
            Scale = scale,
        }.Record().Reshape(extents);
    }

    /// <summary>Whether the device reads the channels of an input from two tensors without a copy.</summary>
    /// <param name="device">The device.</param>
    /// <param name="x">(..., C), the first channels.</param>
    /// <param name="xSkip">(..., C2), the channels that follow.</param>
    /// <param name="outputs">Output channels.</param>
    public static bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor xSkip, int outputs)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(xSkip);
        return ProductKernels.On(device, x.Type).Features.TakesTwoSources(x, xSkip, outputs);
    }
}
