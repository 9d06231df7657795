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
    /// <param name="x">(N, H, W, C).</param>
    /// <param name="weight">(K, R, R, C), R = 1 or 3.</param>
    /// <param name="bias">(K) or null.</param>
    /// <returns>(N, H, W, K).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or weight or bias carries a tangent.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, Tensor weight, Tensor? bias = null)
    {
        if (x.Shape.Rank != 4 || weight.Shape.Rank != 4 || weight.Shape.C != x.Shape.C
            || weight.Shape[1] != weight.Shape[2] || weight.Shape[1] is not (1 or 3)
            || (bias is not null && bias.Shape != new Shape(weight.Shape[0])))
            throw new ArgumentException($"conv2d: x {x}, weight {weight}, bias {bias}; wanted (N, H, W, C), (K, R, R, C) with R = 1 or 3, (K)");
        if (x.Type != DType.Float32 || weight.Type != DType.Float32 || bias is { Type: not DType.Float32 })
            throw new ArgumentException($"conv2d: x {x}, weight {weight}, bias {bias}; only Float32 is supported");
        if (weight.HasTangent || bias is { HasTangent: true })
            throw new ArgumentException($"conv2d: weight {weight} and bias {bias} must not carry tangents");
        Tensor y = program.Allocate(new Shape(x.Shape.N, x.Shape.H, x.Shape.W, weight.Shape[0]), x.HasTangent);
        program.Emit(
            "conv2d.forward", [x, weight, bias], [y],
            cpu => ForwardCpu(cpu, x, weight, bias, y), gpu => ForwardGpu(gpu, x, weight, bias, y));
        program.Tape?.Record(y, [x, weight, bias], () => Backward(program, x.Primal, weight, bias, y.Primal));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, x) is { } dx)
        {
            program.Emit(
                "conv2d.backward.x", [dy, weight, dx.ReadTensor], [dx.Tensor],
                cpu => InputGradientCpu(cpu, dy, weight, dx), gpu => InputGradientGpu(gpu, dy, weight, dx));
        }

        if (program.Tape.Slot(program, weight) is { } dWeight)
        {
            Tensor? partials = ImplicitGemm.Partials(program, Extents(x, weight));
            program.Emit(
                "conv2d.backward.weight", [x, dy, dWeight.ReadTensor], [dWeight.Tensor, partials],
                cpu => WeightGradientCpu(cpu, x, dy, dWeight), gpu => WeightGradientGpu(gpu, x, dy, partials!, dWeight));
        }

        if (bias is not null && program.Tape.Slot(program, bias) is { } dBias)
        {
            Tensor? partials = ColumnSum.Scratch(program, dy.Count / dy.Shape.C, dy.Shape.C);
            program.Emit(
                "conv2d.backward.bias", [dy, dBias.ReadTensor], [dBias.Tensor, partials],
                cpu => BiasGradientCpu(cpu, dy, dBias), gpu => ColumnSum.Gradient(gpu, dy, partials, dBias));
        }
    }
}
