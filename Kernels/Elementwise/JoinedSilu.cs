using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y = gain silu([s_a a | s_b b]) along the last axis: a decoder's activations and the encoder's skip, each with a factor of its own, joined and activated
/// in one pass (magnitude-preserving concatenation, arXiv:2312.02696, eq. 103). Without b it is a SiLU with a gain.
/// </summary>
/// <remarks>With f = gain silu: tangent ty = f'(s_a a) s_a ta for the first channels, likewise for b. Backward: da += s_a f'(s_a a) dy, db likewise.</remarks>
public static partial class JoinedSilu
{
    private const string Name = "joined-silu";

    /// <summary>Applies the op; the output carries a tangent if the operands do.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">First operand (..., A), fp32, or bf16 on a GPU.</param>
    /// <param name="b">Second operand (..., B), of a's shape but for the last extent, of a's type, and dual if a is; or null.</param>
    /// <param name="factors">Factors of the silu's value, of a and of b.</param>
    /// <returns>A tensor (..., A + B).</returns>
    /// <exception cref="ArgumentException">Types or extents before the last differ, or a tensor is bf16 on the host.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor? b, JoinFactors factors)
    {
        Expect.Activations(Name, a, b);
        int[] extents = a.Shape.ToArray();
        if (b is not null)
        {
            extents[^1] = b.Shape.C;
            if (b.Shape != new Shape(extents) || a.HasTangent != b.HasTangent)
                throw new ArgumentException($"{Name}: a is {a}, b is {b}: only the last extent may differ");
            extents[^1] = a.Shape.C + b.Shape.C;
        }

        Tensor y = program.Allocate(new Shape(extents), a.HasTangent, a.Type);
        Forward(program, a, b, y, factors);
        program.Tape?.Record(y, [a, b], () => Backward(program, a.Primal, b?.Primal, y.Primal, factors));
        program.Tape?.Recompute(y.Primal, () =>
        {
            Tensor again = program.Allocate(y.Shape, type: y.Type);
            Forward(program, program.Tape.Kept(a.Primal), b is null ? null : program.Tape.Kept(b.Primal), again, factors);
            return again;
        });
        return y;
    }

    private static void Forward(ComputeProgram program, Tensor a, Tensor? b, Tensor y, JoinFactors factors) => program.Emit(
        $"{Name}.{(a.HasTangent ? "tangent" : "forward")}", [a, b], [y],
        cpu => ForwardCpu(cpu, a, b, y, factors), gpu => ForwardGpu(gpu, a, b, y, factors));

    private static void Backward(ComputeProgram program, Tensor a, Tensor? b, Tensor y, JoinFactors factors)
    {
        Tape tape = program.Tape!;
        Tensor dy = tape.Cotangent(y);
        // A residual that waits for its gradient to be written is added in the same pass.
        DeferredGradient? deferred = tape.TakeDeferred(a);
        if (deferred is not null && deferred.Cotangent.Type != a.Type)
        {
            deferred.Write();
            deferred = null;
        }

        GradientSlot? da = tape.Slot(program, a), db = b is null ? null : tape.Slot(program, b);
        if (da is null && db is null)
            return;
        var gradients = new Gradients(dy, deferred?.Cotangent, deferred?.Factor ?? 0f, da, db);
        a = tape.Kept(a);
        b = b is null ? null : tape.Kept(b);
        program.Emit(
            $"{Name}.backward", [a, b, dy, deferred?.Cotangent, da?.ReadTensor, db?.ReadTensor], [da?.Tensor, db?.Tensor],
            cpu => BackwardCpu(cpu, a, b, gradients, factors), gpu => BackwardGpu(gpu, a, b, gradients, factors));
    }

    /// <summary>What the backward pass reads and writes; a slot is null if its operand needs no gradient.</summary>
    private sealed record Gradients(Tensor Dy, Tensor? Deferred, float DeferredFactor, GradientSlot? A, GradientSlot? B);
}

/// <summary>Factors of a <see cref="JoinedSilu"/>; also a kernel parameter.</summary>
/// <param name="gain">Factor of the SiLU.</param>
/// <param name="a">Factor of the first operand.</param>
/// <param name="b">Factor of the second operand.</param>
public readonly struct JoinFactors(float gain, float a, float b)
{
    /// <summary>Factor of the SiLU.</summary>
    public readonly float Gain = gain;

    /// <summary>Factor of the first operand.</summary>
    public readonly float A = a;

    /// <summary>Factor of the second operand.</summary>
    public readonly float B = b;

    /// <summary>Factors of a join in which each operand contributes half of the sum of squares, whatever its number of channels.</summary>
    /// <param name="gain">Factor of the SiLU.</param>
    /// <param name="a">Channels of the first operand.</param>
    /// <param name="b">Channels of the second operand.</param>
    public static JoinFactors Balanced(float gain, int a, int b) => new(gain, MathF.Sqrt((a + b) / (2f * a)), MathF.Sqrt((a + b) / (2f * b)));
}
