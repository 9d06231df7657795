using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y[n, i] = sqrt(2) cos(f[i] a[n] + p[i]): magnitude-preserving Fourier features of a noise level (arXiv:2312.02696, Appendix B.3), which EDM2's own networks
/// have in place of a <see cref="TimeEmbedding"/>. Frequencies and phases are drawn once and belong to the network; the 2 pi is in them.
/// </summary>
/// <remarks>The phase is reduced in float64: absolute error below 3e-7. No tangent, since such networks are only evaluated: frequencies of up to 25 make dF/dt unstable.</remarks>
public static partial class FourierEmbedding
{
    private const string Name = "fourier-embedding";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">Noise levels (N), fp32, such as ln(sigma) / 4; the result is accurate for |f a + p| up to a million.</param>
    /// <param name="frequencies">f (C), fp32, in radians per unit of a.</param>
    /// <param name="phases">p (C), fp32, in radians.</param>
    /// <returns>Embeddings (N, C).</returns>
    /// <exception cref="ArgumentException">A tensor is of another shape, not fp32, dual, in need of a gradient or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor frequencies, Tensor phases)
    {
        Expect.Float32(Name, a, frequencies, phases);
        Expect.NoTangent(Name, a, frequencies, phases);
        Expect.NoGradient(Name, program, a, frequencies, phases);
        if (a.Shape.Rank != 1 || frequencies.Shape.Rank != 1 || phases.Shape != frequencies.Shape)
            throw new ArgumentException($"{Name}: a is {a}, not (N), or frequencies {frequencies} and phases {phases} are not (C) both");
        Tensor y = program.Allocate(new Shape(a.Count, frequencies.Count));
        program.Emit(
            $"{Name}.forward", [a, frequencies, phases], [y],
            cpu => ForwardCpu(cpu, a, frequencies, phases, y), gpu => ForwardGpu(gpu, a, frequencies, phases, y));
        return y;
    }
}
