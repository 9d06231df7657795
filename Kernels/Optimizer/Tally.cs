using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Adds a batch of values to running sums in device memory, so that a log can take means without waiting at every step.</summary>
/// <remarks>Sums are in float64, in a fixed order. Not differentiable.</remarks>
public static partial class Tally
{
    private const string Name = "tally";

    /// <summary>Number of elements of a tally.</summary>
    public const int Length = 3;

    /// <summary>sums += [sum of the finite values, number of finite values, number of others].</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Values, any shape, fp32, without tangent.</param>
    /// <param name="sums">The tally, Float64 (3), persistent.</param>
    /// <exception cref="ArgumentException">x is dual or not fp32, sums is not Float64 (3), or either is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, Tensor x, Tensor sums)
    {
        Expect.Float32(Name, x);
        Expect.NoTangent(Name, x);
        Require(Name, sums);
        program.Emit($"{Name}.forward", [x, sums], [sums], _ => IntoCpu(x, sums), gpu => IntoGpu(gpu, x, sums));
    }

    /// <summary>Throws unless the tensor can be a tally.</summary>
    internal static void Require(string op, Tensor sums)
    {
        if (sums.Type != DType.Float64 || sums.Shape != new Shape(Length))
            throw new ArgumentException($"{op}: the tally is {sums}, not ({Length}) {DType.Float64}");
    }
}
