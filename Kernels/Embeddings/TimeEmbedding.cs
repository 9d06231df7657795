using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Positional embedding of time, half = channels / 2 frequencies f[i] = 10000^(-i / (half - 1)), f = 1 if there is one: y[n] = [sin(t[n] f) | cos(t[n] f)],
/// or sqrt(2) [cos | sin], by <see cref="TimeEmbeddingKind"/>. No frequency exceeds 1, which keeps dF/dt stable (arXiv:2410.11081, section 4.1).
/// </summary>
/// <remarks>Tangent: of a sine cos(t f) f tt, of a cosine -sin(t f) f tt. No backward rule, since times are not trained.</remarks>
public static partial class TimeEmbedding
{
    private const string Name = "time-embedding";
    private const double Period = 10000;

    /// <summary>Applies the op; the output carries a tangent if t does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="t">Times (N) in radians, in [0, pi/2], fp32; the result is accurate for |t| up to 100.</param>
    /// <param name="channels">Width of the embedding: even, at least 4, or 2 for <see cref="TimeEmbeddingKind.CosinesFirst"/>.</param>
    /// <param name="kind">Order and size of sines and cosines.</param>
    /// <returns>Embeddings (N, channels).</returns>
    /// <exception cref="ArgumentException">t is not (N) fp32, needs a gradient or is on another device, or channels is odd or too small.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor t, int channels, TimeEmbeddingKind kind = TimeEmbeddingKind.SinesFirst)
    {
        Expect.Float32(Name, t);
        Expect.NoGradient(Name, program, t);
        if (t.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: t is {t}, not (N)");
        int least = kind == TimeEmbeddingKind.SinesFirst ? 4 : 2;
        if (channels < least || channels % 2 != 0)
            throw new ArgumentException($"{Name}: channels is {channels}, but must be even and at least {least}");
        Tensor y = program.Allocate(new Shape(t.Shape.N, channels), t.HasTangent);
        string direction = t.HasTangent ? "tangent" : "forward";
        program.Emit($"{Name}.{direction}", [t], [y], ForwardCpu(t, y, kind), gpu => ForwardGpu(gpu, t, y, kind));
        return y;
    }

    private static float FactorOf(TimeEmbeddingKind kind) => kind == TimeEmbeddingKind.CosinesFirst ? MathF.Sqrt(2) : 1f;
}

/// <summary>Order and size of the sines and cosines of a <see cref="TimeEmbedding"/>.</summary>
public enum TimeEmbeddingKind
{
    /// <summary>[sin | cos], as in EDM's DDPM++.</summary>
    SinesFirst,

    /// <summary>sqrt(2) [cos | sin], whose mean square is 1, as EDM2's networks want it (arXiv:2312.02696, config G, in TrigFlow form).</summary>
    CosinesFirst,
}
