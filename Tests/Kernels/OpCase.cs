using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>An op at one set of shapes, with the float64 loop that defines it.</summary>
/// <param name="Name">Shown in the test's name.</param>
/// <param name="Inputs">Shapes of the inputs; values are standard normal unless <see cref="Fill"/> says otherwise.</param>
/// <param name="Apply">Records the op on the inputs and returns its output.</param>
/// <param name="Reference">The output by a plain float64 loop; inputs in the same order.</param>
public sealed record OpCase(
    string Name,
    Shape[] Inputs,
    Func<ComputeProgram, Tensor[], Tensor> Apply,
    Func<double[][], double[]> Reference)
{
    private readonly double? tolerance;

    /// <summary>How many of the inputs, from the first, carry tangents where the op is run on dual tensors; the rest (weights) never do.</summary>
    public int TangentInputs { get; init; } = Inputs.Length;

    /// <summary>How many of the inputs, from the first, are differentiable at all (labels and masks are not).</summary>
    public int GradientInputs { get; init; } = Inputs.Length;

    /// <summary>Whether the op has a tangent rule.</summary>
    public bool HasTangent { get; init; } = true;

    /// <summary>
    /// Storage of the activations, of the output and of their gradients. Values of bf16 inputs are rounded before the reference sees
    /// them, so that an error is the op's alone.
    /// </summary>
    public DType Type { get; init; } = DType.Float32;

    /// <summary>How many of the inputs, from the first, are activations, stored in <see cref="Type"/>.</summary>
    public int ActivationInputs { get; init; } = Inputs.Length;

    /// <summary>
    /// How many of the inputs behind the activations are weights that activations are multiplied with: stored in
    /// <see cref="Type"/>, their gradients in fp32. All further inputs stay fp32.
    /// </summary>
    public int WeightInputs { get; init; }

    /// <summary>
    /// Largest relative L2 error of forward, tangent and gradients against the reference: fp32 sums leave about 1e-6, rounding a
    /// result to bf16 about 2e-3, and operands rounded in between as much again.
    /// </summary>
    public double Tolerance
    {
        get => tolerance ?? (Type == DType.BFloat16 ? 1e-2 : 2e-5);
        init => tolerance = value;
    }

    /// <summary>Makes the values of input i; null for standard normal.</summary>
    public Func<int, Random, float[]?>? Fill { get; init; }

    /// <summary>The case with bf16 activations.</summary>
    public OpCase InBFloat16() => this with { Type = DType.BFloat16 };

    /// <summary>Storage of input i.</summary>
    public DType InputType(int i) => i < ActivationInputs + WeightInputs ? Type : DType.Float32;

    /// <summary>Whether input i is a weight.</summary>
    public bool IsWeight(int i) => i >= ActivationInputs && i < ActivationInputs + WeightInputs;

    /// <inheritdoc/>
    public override string ToString() => Type == DType.Float32 ? Name : $"{Name}, {Type}";
}
