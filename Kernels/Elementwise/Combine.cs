using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// target[n] = sa ca[n] a[n] + sb cb[n] b[n]: mixtures of two images by coefficients of each sample's time, such as
/// x_t = cos t x0 + sin t z, dx_t/dt = cos t z - sin t x0 and f = cos t x_t - sin t sigma_data F (arXiv:2410.11081, eq. 4).
/// </summary>
/// <remarks>Not recorded on the tape: what it mixes are constants of a training step, or a sampler's.</remarks>
public static partial class Combine
{
    private const string Name = "combine";

    /// <summary>Computes into a given tensor.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">(N, ...).</param>
    /// <param name="ca">(N), coefficient of each sample of a.</param>
    /// <param name="sa">Coefficient of all of a.</param>
    /// <param name="b">a's shape, or null for the first term alone.</param>
    /// <param name="cb">(N), coefficient of each sample of b; null if b is.</param>
    /// <param name="sb">Coefficient of all of b.</param>
    /// <param name="target">a's shape: transient, persistent or one half of a dual tensor; may be a or b itself.</param>
    /// <exception cref="ArgumentException">Shapes differ, one of b and cb is null, a tensor is dual or not fp32.</exception>
    public static void Into(
        ComputeProgram program, Tensor a, Tensor ca, float sa, Tensor? b, Tensor? cb, float sb, Tensor target)
    {
        Expect.Float32(Name, a, ca, b, cb, target);
        Expect.NoTangent(Name, a, ca, b, cb, target);
        var samples = new Shape(a.Shape.N);
        if (target.Shape != a.Shape || ca.Shape != samples || (b is null) != (cb is null)
            || (b is not null && (b.Shape != a.Shape || cb!.Shape != samples)))
            throw new ArgumentException($"{Name}: a is {a} by {ca}, b {b} by {cb}, the target {target}");
        program.Emit(
            $"{Name}.forward", [a, ca, b, cb], [target],
            cpu => IntoCpu(cpu, a, ca, sa, b, cb, sb, target), gpu => IntoGpu(gpu, a, ca, sa, b, cb, sb, target));
    }
}
