using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = (a + b) scale: the sum that ends a residual block. DDPM++ takes scale = sqrt(1/2), which keeps the variance.</summary>
/// <remarks>Linear, over any shape. Backward: da += scale dy, db += scale dy, in one pass over dy.</remarks>
public static partial class ScaledAdd
{
    private const string Name = "scaled-add";

    /// <summary>Applies the op. The output carries a tangent if a or b does; an operand without one counts as having tangent 0.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">First operand, any shape, fp32, or bf16 on a GPU.</param>
    /// <param name="b">Second operand, of a's shape and type.</param>
    /// <param name="scale">Factor of the sum.</param>
    /// <returns>The scaled sum, of a's shape.</returns>
    /// <exception cref="ArgumentException">Shapes or types differ, a type is neither fp32 nor bf16 on a GPU, or a tensor is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor b, float scale)
    {
        Expect.Activations(Name, a, b);
        if (a.Shape != b.Shape)
            throw new ArgumentException($"{Name}: a is {a}, b is {b}: the shapes must be equal");

        // A sum commutes, so the operand that stores fewer elements can come second.
        (Tensor longer, Tensor shorter) = a.HasTangent ? (a, b) : (b, a);
        Tensor y = program.AllocateLike(longer);
        program.Emit(
            "scaled-add.forward", [a, b], [y],
            cpu => ForwardCpu(cpu, longer, shorter, y, scale), gpu => ForwardGpu(gpu, longer, shorter, y, scale));
        program.Tape?.Record(y, [a, b], () => Backward(program, a.Primal, b.Primal, y.Primal, scale));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor a, Tensor b, Tensor y, float scale)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        EmitBackward(program, dy, program.Tape.Slot(program, a), program.Tape.Slot(program, b), scale);
    }

    /// <summary>Emits da (+)= scale dy and db (+)= scale dy; a slot is null if its operand needs no gradient.</summary>
    internal static void EmitBackward(ComputeProgram program, Tensor dy, GradientSlot? da, GradientSlot? db, float scale) => program.Emit(
        "scaled-add.backward", [dy, da?.ReadTensor, db?.ReadTensor], [da?.Tensor, db?.Tensor],
        cpu => BackwardCpu(cpu, dy, da, db, scale), gpu => BackwardGpu(gpu, dy, da, db, scale));
}
