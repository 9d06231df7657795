using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = (a + b) scale: the sum that ends a residual block, with scale = sqrt(1/2) in DDPM++ so that variance is kept.</summary>
/// <remarks>Linear, over any shape. Backward: da += scale dy, db += scale dy, in one pass over dy.</remarks>
public static partial class Residual
{
    private const string Name = "residual";

    /// <summary>Applies the op; the output carries a tangent if a or b does, and what carries none has the tangent 0.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">Any shape.</param>
    /// <param name="b">a's shape.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <returns>A tensor of a's shape.</returns>
    /// <exception cref="ArgumentException">Shapes differ or types do, or are neither fp32 nor bf16 on a GPU.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor b, float scale)
    {
        Expect.Activations(Name, a, b);
        if (a.Shape != b.Shape)
            throw new ArgumentException($"{Name}: a is {a}, b is {b}");

        // A sum commutes, so the operand with fewer elements stored can stand second.
        (Tensor longer, Tensor shorter) = a.HasTangent ? (a, b) : (b, a);
        Tensor y = program.AllocateLike(longer);
        program.Emit(
            "residual.forward", [a, b], [y],
            cpu => ForwardCpu(cpu, longer, shorter, y, scale), gpu => ForwardGpu(gpu, longer, shorter, y, scale));
        program.Tape?.Record(y, [a, b], () => Backward(program, a.Primal, b.Primal, y.Primal, scale));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor a, Tensor b, Tensor y, float scale)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        EmitBackward(program, dy, program.Tape.Slot(program, a), program.Tape.Slot(program, b), scale);
    }

    /// <summary>Records da (+)= scale dy and db (+)= scale dy; null where no gradient is wanted.</summary>
    internal static void EmitBackward(ComputeProgram program, Tensor dy, GradientSlot? da, GradientSlot? db, float scale) => program.Emit(
        "residual.backward", [dy, da?.ReadTensor, db?.ReadTensor], [da?.Tensor, db?.Tensor],
        cpu => BackwardCpu(cpu, dy, da, db, scale), gpu => BackwardGpu(gpu, dy, da, db, scale));
}
