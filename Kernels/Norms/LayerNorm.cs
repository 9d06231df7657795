using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Layer normalisation over the last axis (arXiv:1607.06450): y = weight (x - mean) / sqrt(variance + eps) + bias, with the population's variance, summed over the
/// differences from the mean.
/// </summary>
/// <remarks>Forward only: networks that judge images are not trained here.</remarks>
public static partial class LayerNorm
{
    private const string Name = "layer-norm";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), fp32.</param>
    /// <param name="weight">(C), fp32.</param>
    /// <param name="bias">(C), fp32.</param>
    /// <param name="epsilon">eps, positive.</param>
    /// <returns>(..., C).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, a tensor is dual or needs a gradient, or epsilon is not positive.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, Tensor weight, Tensor bias, float epsilon)
    {
        Expect.Float32(Name, x, weight, bias);
        Expect.NoTangent(Name, x, weight, bias);
        Expect.NoGradient(Name, program, x, weight, bias);
        if (weight.Shape != new Shape(x.Shape.C) || bias.Shape != weight.Shape)
            throw new ArgumentException($"{Name}: x {x}, weight {weight}, bias {bias}; wanted (..., C), (C), (C)");
        if (!(epsilon > 0))
            throw new ArgumentException($"{Name}: epsilon is {epsilon}, not positive");
        Tensor y = program.Allocate(x.Shape);
        program.Emit(
            $"{Name}.forward", [x, weight, bias], [y], cpu => ForwardCpu(cpu, x, weight, bias, epsilon, y), gpu => ForwardGpu(gpu, x, weight, bias, epsilon, y));
        return y;
    }
}
