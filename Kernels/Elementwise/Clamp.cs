using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>x = min(max(x, -bound), bound) in place: the bound of activations at the end of an EDM2 block (arXiv:2312.02696, config G).</summary>
/// <remarks>
/// Where |x| exceeds the bound, the tangent and the gradient become 0. In place, since few elements or none are out of bounds: the op then reads the primal
/// once and writes nothing. Backward takes |x| = bound for a value that was clamped, so that a value that equals the bound exactly has no gradient.
/// </remarks>
public static partial class Clamp
{
    private const string Name = "clamp";

    /// <summary>Clamps a tensor that the program computed before; what is recorded later reads the clamped values.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">Any shape, fp32, or bf16 on a GPU; an output of an op of the program, which nothing has read yet.</param>
    /// <param name="bound">Largest magnitude; positive. In bf16 it is rounded.</param>
    /// <exception cref="ArgumentException">The bound is not positive, or x is bf16 on the host.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void InPlace(ComputeProgram program, Tensor x, float bound)
    {
        Expect.Activations(Name, x);
        if (!(bound > 0))
            throw new ArgumentException($"{Name}: the bound is {bound}, not positive");
        if (x.Type == DType.BFloat16)
            bound = BFloat16.ToSingle(BFloat16.FromSingle(bound));
        program.Emit(
            $"{Name}.{(x.HasTangent ? "tangent" : "forward")}", [x], [x], cpu => ForwardCpu(cpu, x, bound), gpu => ForwardGpu(gpu, x, bound));
        program.Tape?.Record(x, [x], () =>
        {
            Tensor primal = x.Primal, dx = program.Tape.Cotangent(primal);
            if (program.Tape.IsSeeded(primal))
                throw new InvalidOperationException($"{Name}: the cotangent of {x} was given, so it must not be changed");
            program.Emit(
                $"{Name}.backward", [primal, dx], [dx], cpu => BackwardCpu(cpu, primal, dx, bound), gpu => BackwardGpu(gpu, primal, dx, bound));
        });
    }
}
