using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y[n] = [sin(t[n] f) | cos(t[n] f)], f[i] = 10000^(-i / (half - 1)), half = channels / 2: the positional embedding of time,
/// sines first as in EDM's DDPM++. No frequency exceeds 1, which keeps dF/dt stable (arXiv:2410.11081, section 4.1).
/// </summary>
/// <remarks>Tangent: ty = [cos(t f) f tt | -sin(t f) f tt]. No backward rule, since times are not trained.</remarks>
public static partial class TimeEmbedding
{
    private const string Name = "time-embedding";
    private const double Period = 10000;

    /// <summary>Applies the op; the output carries a tangent if t does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="t">Times (N) in radians, in [0, pi/2], fp32; the result is accurate for |t| up to 100.</param>
    /// <param name="channels">Width of the embedding: even, at least 4.</param>
    /// <returns>Embeddings (N, channels).</returns>
    /// <exception cref="ArgumentException">t is not (N) fp32, needs a gradient or is on another device, or channels is odd or below 4.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor t, int channels)
    {
        Expect.Float32(Name, t);
        Expect.NoGradient(Name, program, t);
        if (t.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: t is {t}, not (N)");
        if (channels < 4 || channels % 2 != 0)
            throw new ArgumentException($"{Name}: channels is {channels}, but must be even and at least 4");
        Tensor y = program.Allocate(new Shape(t.Shape.N, channels), t.HasTangent);
        string direction = t.HasTangent ? "tangent" : "forward";
        program.Emit($"{Name}.{direction}", [t], [y], ForwardCpu(t, y), gpu => ForwardGpu(gpu, t, y));
        return y;
    }
}
