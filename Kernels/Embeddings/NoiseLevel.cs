using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y[n] = ln(sigma_data tan t[n]) / 4: the noise level that EDM2's own networks are given (c_noise, arXiv:2206.00364, table 1) at TrigFlow's time t, whose
/// noise has the deviation sigma = sigma_data tan t beside data of size 1.
/// </summary>
/// <remarks>Sine and cosine are at least 1e-7, so that t = 0 and t = pi/2 have levels too. No tangent, as for <see cref="FourierEmbedding"/>.</remarks>
public static partial class NoiseLevel
{
    private const string Name = "noise-level";
    private const float Least = 1e-7f;

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="t">Times (N), radians in [0, pi/2], fp32.</param>
    /// <param name="sigmaData">Standard deviation of the data; positive.</param>
    /// <returns>Noise levels (N).</returns>
    /// <exception cref="ArgumentException">t is not (N) fp32, is dual, needs a gradient or is on another device, or sigma_data is not positive.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor t, float sigmaData)
    {
        Expect.Float32(Name, t);
        Expect.NoTangent(Name, t);
        Expect.NoGradient(Name, program, t);
        if (t.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: t is {t}, not (N)");
        if (!(sigmaData > 0))
            throw new ArgumentException($"{Name}: sigma_data is {sigmaData}, not positive");
        Tensor y = program.Allocate(t.Shape);
        program.Emit($"{Name}.forward", [t], [y], cpu => ForwardCpu(cpu, t, y, sigmaData), gpu => ForwardGpu(gpu, t, y, sigmaData));
        return y;
    }

    private static float LevelOf(float t, float sigmaData)
    {
        DeviceMath.Angle angle = DeviceMath.SinCos(t);
        return 0.25f * (DeviceMath.Log(sigmaData * MathF.Max(angle.Sin, Least)) - DeviceMath.Log(MathF.Max(angle.Cos, Least)));
    }
}
