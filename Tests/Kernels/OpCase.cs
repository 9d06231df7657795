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
    /// <summary>How many of the inputs, from the first, carry tangents where the op is run on dual tensors; the rest (weights) never do.</summary>
    public int TangentInputs { get; init; } = Inputs.Length;

    /// <summary>How many of the inputs, from the first, are differentiable at all (labels and masks are not).</summary>
    public int GradientInputs { get; init; } = Inputs.Length;

    /// <summary>Whether the op has a tangent rule.</summary>
    public bool HasTangent { get; init; } = true;

    /// <summary>Largest relative L2 error of forward, tangent and gradients against the reference.</summary>
    public double Tolerance { get; init; } = 2e-5;

    /// <summary>Makes the values of input i; null for standard normal.</summary>
    public Func<int, Random, float[]?>? Fill { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
