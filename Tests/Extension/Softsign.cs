using TrigFlowNative.Engine;

namespace TrigFlowNative.Extension;

/// <summary>An op: y = x / (1 + |x|), elementwise over any shape, in fp32 and, on a GPU, in bf16.</summary>
/// <remarks>y' = 1 / (1 + |x|)^2. Tangent: ty = y' tx. Backward: dx += y' dy.</remarks>
public static partial class Softsign
{
    private const string Name = "softsign";

    /// <summary>Records the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Any shape, fp32, or bf16 on a GPU.</param>
    /// <returns>A tensor of x's shape.</returns>
    /// <exception cref="ArgumentException">x is neither fp32 nor bf16, or bf16 on the host.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(program);
        Expect.Activations(Name, x);
        Tensor y = program.AllocateLike(x);
        if (x.HasTangent)
            program.Emit($"{Name}.tangent", [x], [y], cpu => TangentCpu(cpu, x, y), gpu => ForwardGpu(gpu, x, y));
        else
            program.Emit($"{Name}.forward", [x], [y], cpu => ForwardCpu(cpu, x, y), gpu => ForwardGpu(gpu, x, y));
        program.Tape?.Record(y, [x], () => Backward(program, program.Tape, x.Primal, y.Primal));
        return y;
    }

    private static void Backward(ComputeProgram program, Tape tape, Tensor x, Tensor y)
    {
        Tensor dy = tape.Cotangent(y);
        if (tape.Slot(program, x) is { } dx)
        {
            program.Emit(
                $"{Name}.backward", [x, dy, dx.ReadTensor], [dx.Tensor],
                cpu => BackwardCpu(cpu, x, dy, dx), gpu => BackwardGpu(gpu, x, dy, dx));
        }
    }
}
