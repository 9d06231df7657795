using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = x s(x) with the logistic function s: SiLU (arXiv:1702.03118, eq. 5), elementwise over any shape.</summary>
/// <remarks>y' = s (1 + x (1 - s)). Tangent: ty = y' tx. Backward: dx += y' dy. Reads and writes each element once.</remarks>
public static partial class Silu
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Any shape, fp32.</param>
    /// <returns>A tensor of x's shape.</returns>
    /// <exception cref="ArgumentException">x is on another device, or not fp32.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x)
    {
        Expect.Float32("silu", x);
        Tensor y = program.AllocateLike(x);
        if (x.HasTangent)
            program.Emit("silu.tangent", [x], [y], cpu => TangentCpu(cpu, x, y), gpu => TangentGpu(gpu, x, y));
        else
            program.Emit("silu.forward", [x], [y], cpu => ForwardCpu(cpu, x, y), gpu => ForwardGpu(gpu, x, y));
        program.Tape?.Record(y, [x], () => Backward(program, x.Primal, y.Primal));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor x, Tensor y)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, x) is { } dx)
        {
            program.Emit(
                "silu.backward", [x, dy, dx.ReadTensor], [dx.Tensor],
                cpu => BackwardCpu(cpu, x, dy, dx), gpu => BackwardGpu(gpu, x, dy, dx));
        }
    }
}
