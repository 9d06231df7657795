using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Adds a batch of values to running sums in device memory, from which a log takes means without a wait in every step.</summary>
/// <remarks>Sums in float64 and in a fixed order. Not differentiable.</remarks>
public static partial class Tally
{
    private const string Name = "tally";

    /// <summary>Elements of a tally.</summary>
    public const int Length = 3;

    /// <summary>sums += [sum of the finite values, how many they are, how many are not finite].</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Values, any shape, without tangent.</param>
    /// <param name="sums">The tally, Float64 (3), persistent.</param>
    /// <exception cref="ArgumentException">x is dual or not Float32, or sums is not Float64 (3).</exception>
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
            throw new ArgumentException($"{op}: {sums} is no tally, which is ({Length}) {DType.Float64}");
    }
}
