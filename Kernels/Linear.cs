using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y[..., k] = bias[k] + sum over c of weight[k, c] x[..., c]; over pixels, the 1x1 convolution.</summary>
/// <remarks>
/// Linear in x, so the tangent is the same product without the bias. With the leading axes of x taken as rows:
/// dx = dy weight, dWeight = dy^T x, dBias is the sum of dy over rows.
/// </remarks>
public static partial class Linear
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), one to four axes.</param>
    /// <param name="weight">(K, C).</param>
    /// <param name="bias">(K) or null.</param>
    /// <returns>(..., K).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or weight or bias carries a tangent.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, Tensor weight, Tensor? bias = null)
    {
        if (weight.Shape.Rank != 2 || weight.Shape.C != x.Shape.C || (bias is not null && bias.Shape != new Shape(weight.Shape[0])))
            throw new ArgumentException($"linear: x {x}, weight {weight}, bias {bias}; wanted (..., C), (K, C), (K)");
        if (x.Type != DType.Float32 || weight.Type != DType.Float32 || bias is { Type: not DType.Float32 })
            throw new ArgumentException($"linear: x {x}, weight {weight}, bias {bias}; only Float32 is supported");
        if (weight.HasTangent || bias is { HasTangent: true })
            throw new ArgumentException($"linear: weight {weight} and bias {bias} must not carry tangents");
        int[] extents = x.Shape.ToArray();
        extents[^1] = weight.Shape[0];
        Tensor y = program.Allocate(new Shape(extents), x.HasTangent);
        program.Emit(
            "linear.forward", [x, weight, bias], [y],
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
                "linear.backward.x", [dy, weight, dx.ReadTensor], [dx.Tensor],
                cpu => InputGradientCpu(cpu, dy, weight, dx), gpu => InputGradientGpu(gpu, dy, weight, dx));
        }

        if (program.Tape.Slot(program, weight) is { } dWeight)
        {
            Tensor? partials = ImplicitGemm.Partials(program, Extents(x, weight));
            program.Emit(
                "linear.backward.weight", [x, dy, dWeight.ReadTensor], [dWeight.Tensor, partials],
                cpu => WeightGradientCpu(cpu, x, dy, dWeight), gpu => WeightGradientGpu(gpu, x, dy, partials!, dWeight));
        }

        if (bias is not null && program.Tape.Slot(program, bias) is { } dBias)
        {
            Tensor? partials = ColumnSum.Scratch(program, dy.Count / dy.Shape.C, dy.Shape.C);
            program.Emit(
                "linear.backward.bias", [dy, dBias.ReadTensor], [dBias.Tensor, partials],
                cpu => BiasGradientCpu(cpu, dy, dBias), gpu => ColumnSum.Gradient(gpu, dy, partials, dBias));
        }
    }
}
