using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = [a | b] along the last axis: joins a decoder's activations with the encoder's skip.</summary>
/// <remarks>Linear. Backward: da += the first channels of dy, db += the rest; each reads only its part of dy.</remarks>
public static partial class Concat
{
    private const string Name = "concat";

    /// <summary>Applies the op. The output carries a tangent if a or b does; an operand without one counts as having tangent 0.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">First operand (..., A), fp32, or bf16 on a GPU.</param>
    /// <param name="b">Second operand (..., B), of a's shape but for the last extent, and of a's type.</param>
    /// <returns>A tensor (..., A + B).</returns>
    /// <exception cref="ArgumentException">
    /// Types or extents before the last differ, a type is neither fp32 nor bf16 on a GPU, or a tensor is on another device.
    /// </exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor b)
    {
        Expect.Activations(Name, a, b);
        int[] extents = a.Shape.ToArray();
        extents[^1] = b.Shape.C;
        if (b.Shape != new Shape(extents))
            throw new ArgumentException($"{Name}: a is {a}, b is {b}: only the last extent may differ");

        extents[^1] = a.Shape.C + b.Shape.C;
        Tensor y = program.Allocate(new Shape(extents), a.HasTangent || b.HasTangent, a.Type);
        program.Emit("concat.forward", [a, b], [y], cpu => ForwardCpu(cpu, a, b, y), gpu => ForwardGpu(gpu, a, b, y));
        program.Tape?.Record(y, [a, b], () =>
        {
            Backward(program, a.Primal, y.Primal, 0);
            Backward(program, b.Primal, y.Primal, a.Shape.C);
        });
        return y;
    }

    /// <summary>Adds to the gradient of x its part of dy, the channels from <paramref name="first"/> on.</summary>
    private static void Backward(ComputeProgram program, Tensor x, Tensor y, int first)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, x) is { } dx)
        {
            program.Emit(
                "concat.backward", [dy, dx.ReadTensor], [dx.Tensor],
                cpu => BackwardCpu(cpu, dy, dx, first), gpu => BackwardGpu(gpu, dy, dx, first));
        }
    }
}
