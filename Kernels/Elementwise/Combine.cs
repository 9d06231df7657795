using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// target[n] = sa ca[n] a[n] + sb cb[n] b[n]: mixes two batches of images by coefficients per sample, such as
/// x_t = cos t x0 + sin t z, dx_t/dt = cos t z - sin t x0 and f = cos t x_t - sin t sigma_data F (arXiv:2410.11081, eq. 4).
/// </summary>
/// <remarks>Not recorded on the tape, so it is a stop-gradient: its operands are constants of a training step or of a sampler.</remarks>
public static partial class Combine
{
    private const string Name = "combine";

    /// <summary>Writes the mixture to a given tensor.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">First operand (N, ...), fp32.</param>
    /// <param name="ca">Coefficients of a, one per sample (N).</param>
    /// <param name="sa">Common coefficient of a.</param>
    /// <param name="b">Second operand, of a's shape; null for the first term alone.</param>
    /// <param name="cb">Coefficients of b, one per sample (N); null if b is null.</param>
    /// <param name="sb">Common coefficient of b.</param>
    /// <param name="target">Receives the mixture, of a's shape: transient, persistent, or the primal or tangent of a dual tensor; may be a or b.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, only one of b and cb is null, or a tensor is dual, not fp32 or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(
        ComputeProgram program, Tensor a, Tensor ca, float sa, Tensor? b, Tensor? cb, float sb, Tensor target)
    {
        Expect.Float32(Name, a, ca, b, cb, target);
        Expect.NoTangent(Name, a, ca, b, cb, target);
        var samples = new Shape(a.Shape.N);
        if (target.Shape != a.Shape || ca.Shape != samples || (b is null) != (cb is null)
            || (b is not null && (b.Shape != a.Shape || cb!.Shape != samples)))
            throw new ArgumentException($"{Name}: a {a}, ca {ca}, b {b}, cb {cb} and target {target} do not fit: b and target have a's shape, ca and cb (N)");
        program.Emit(
            $"{Name}.forward", [a, ca, b, cb], [target],
            cpu => IntoCpu(cpu, a, ca, sa, b, cb, sb, target), gpu => IntoGpu(gpu, a, ca, sa, b, cb, sb, target));
    }
}
