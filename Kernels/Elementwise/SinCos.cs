using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>cos t, sin t and cos t sin t: the coefficients by which TrigFlow mixes image and noise (arXiv:2410.11081, section 3).</summary>
/// <remarks>Absolute error below 1e-7. The results are constants to the tape and carry no tangent, since the network's input is t itself.</remarks>
public static partial class SinCos
{
    private const string Name = "sin-cos";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="t">Times (N) in radians, in [0, pi/2], fp32.</param>
    /// <returns>cos t, sin t and cos t sin t, each (N).</returns>
    /// <exception cref="ArgumentException">t is not (N) fp32, carries a tangent, needs a gradient or is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static (Tensor Cos, Tensor Sin, Tensor CosSin) Apply(ComputeProgram program, Tensor t)
    {
        Expect.Float32(Name, t);
        Expect.NoTangent(Name, t);
        Expect.NoGradient(Name, program, t);
        if (t.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: t is {t}, not (N)");
        Tensor cos = program.Allocate(t.Shape), sin = program.Allocate(t.Shape), product = program.Allocate(t.Shape);
        program.Emit(
            $"{Name}.forward", [t], [cos, sin, product],
            _ => ForwardCpu(t, cos, sin, product), gpu => ForwardGpu(gpu, t, cos, sin, product));
        return (cos, sin, product);
    }
}
