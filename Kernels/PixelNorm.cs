using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y = r x with r = (mean x^2 + epsilon)^(-1/2), the mean over the last axis: pixel normalisation (arXiv:1710.10196, section 4.2),
/// which bounds the adaptive scale and shift of a network that is differentiated in time (arXiv:2410.11081, section 4.1).
/// </summary>
/// <remarks>
/// The Jacobian of a row, J = r (I - y y' / C), is symmetric. Tangent: ty = r (tx - y mean(y tx)). Backward:
/// dx += r (dy - y mean(y dy)). Nothing is kept for the backward pass: r is computed again.
/// </remarks>
public static partial class PixelNorm
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), fp32.</param>
    /// <param name="epsilon">Added to the mean square; not negative.</param>
    /// <returns>A tensor of x's shape.</returns>
    /// <exception cref="ArgumentException">x is not stored as fp32, or epsilon is negative or not a number.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, float epsilon = 1e-8f)
    {
        Expect.Float32("pixelnorm", x);
        if (!(epsilon >= 0))
            throw new ArgumentException($"pixelnorm: epsilon is {epsilon}, below zero");
        Tensor y = program.AllocateLike(x);
        program.Emit(
            x.HasTangent ? "pixelnorm.tangent" : "pixelnorm.forward", [x], [y],
            cpu => ForwardCpu(cpu, x, y, epsilon), gpu => ForwardGpu(gpu, x, y, epsilon));
        program.Tape?.Record(y, [x], () => Backward(program, x.Primal, y.Primal, epsilon));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor x, Tensor y, float epsilon)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, x) is { } dx)
        {
            program.Emit(
                "pixelnorm.backward", [x, dy, dx.ReadTensor], [dx.Tensor],
                cpu => BackwardCpu(cpu, x, dy, dx, epsilon), gpu => BackwardGpu(gpu, x, dy, dx, epsilon));
        }
    }

    private static int Rows(Tensor x) => x.Count / x.Shape.C;
}
