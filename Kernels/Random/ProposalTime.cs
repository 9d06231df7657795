using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Training times t = arctan(e^tau / sigma_data) with tau ~ N(P_mean, P_std^2), so that the noise level sigma_data tan t is
/// log-normal (arXiv:2410.11081, Algorithm 1; arXiv:2206.00364, table 1).
/// </summary>
/// <remarks>One normal draw per sample. Every device runs the same code, with an absolute error below 3e-7 radians. Not differentiable.</remarks>
public static partial class ProposalTime
{
    private const string Name = "proposal-time";

    /// <summary>Draws a time for each sample.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="t">Receives times (N) in radians, in [0, pi/2], fp32.</param>
    /// <param name="random">Stream of the draws.</param>
    /// <param name="pMean">Mean of ln sigma, finite.</param>
    /// <param name="pStd">Standard deviation of ln sigma, finite and at least 0.</param>
    /// <param name="sigmaData">Standard deviation of the data, finite and positive.</param>
    /// <exception cref="ArgumentException">
    /// t is not (N) fp32 or is dual, a number is out of range, the counter is neither Int32 (2) nor (4), or a tensor is on another device.
    /// </exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, Tensor t, RandomSource random, float pMean, float pStd, float sigmaData)
    {
        Expect.Float32(Name, t);
        Expect.NoTangent(Name, t);
        if (t.Shape.Rank != 1 || !float.IsFinite(pMean) || !(pStd is >= 0 and < float.PositiveInfinity) || !(sigmaData is > 0 and < float.PositiveInfinity))
        {
            throw new ArgumentException(
                $"{Name}: t {t} must be (N), P_mean {pMean} finite, P_std {pStd} finite and at least 0, sigma_data {sigmaData} finite and positive");
        }

        Tensor normal = program.Allocate(t.Shape);
        RandomNormal.Into(program, normal, random);
        float mean = (float)(pMean - Math.Log(sigmaData));
        program.Emit($"{Name}.forward", [normal], [t], _ => IntoCpu(normal, t, mean, pStd), gpu => IntoGpu(gpu, normal, t, mean, pStd));
    }

    /// <summary>
    /// arctan(e^s). With u = e^-|s| in (0, 1] it is arctan u or pi/2 - arctan u; above tan(pi/8), arctan u = pi/4 + arctan((u - 1) / (u + 1)).
    /// </summary>
    internal static float ArcTanExp(float s)
    {
        const float tanOfEighth = 0.414213562f, quarter = 0.785398163f, half = 1.57079633f;
        float u = MathF.Exp(-MathF.Abs(s));
        bool upper = u > tanOfEighth;
        float q = upper ? (u - 1f) / (u + 1f) : u;
        float z = q * q;
        // Minimax fit of arctan on |q| <= tan(pi/8) by Remez exchange: relative error 2e-8 before rounding.
        float angle = q + q * z * (-0.333329499f + z * (0.199777097f + z * (-0.138776794f + z * 0.0805372298f)));
        angle = upper ? quarter + angle : angle;
        return s > 0f ? half - angle : angle;
    }
}
