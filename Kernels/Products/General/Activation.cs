using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Kernels;

/// <summary>What a layer does with each of its sums before it stores them.</summary>
public enum Activation
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x Phi(x), with the distribution function of the normal distribution, not its approximation by tanh (arXiv:1606.08415).</summary>
    Gelu,
}

/// <summary>
/// The functions of <see cref="Activation"/>. GELU is max(x, 0) - |x| / 2 erfc(|x| / sqrt(2)), with erfc(z) = (a1 t + ... + a5 t^5) exp(-z^2) and t = 1 / (1 + p z)
/// (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: absolute error below 1.5e-7).
/// </summary>
internal static class Activations
{
    private const float P = 0.3275911f, A1 = 0.254829592f, A2 = -0.284496736f, A3 = 1.421413741f, A4 = -1.453152027f, A5 = 1.061405429f, RootOfHalf = 0.707106781f;

    /// <summary>Applies an activation in a kernel.</summary>
    public static float Of(float x, int activation)
    {
        if (activation == (int)Activation.Relu)
            return Math.Max(x, 0f);
        if (activation != (int)Activation.Gelu)
            return x;
        float size = Math.Abs(x), t = 1f / (1f + P * RootOfHalf * size);
        return Math.Max(x, 0f) - 0.5f * size * MathF.Exp(-0.5f * x * x) * (t * (A1 + t * (A2 + t * (A3 + t * (A4 + t * A5)))));
    }

    /// <summary>Applies an activation in place on the host.</summary>
    public static void Apply(Span<float> values, Activation activation)
    {
        if (activation == Activation.None)
            return;
        Span<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        foreach (ref Vector<float> vector in vectors)
            vector = activation == Activation.Relu ? Vector.Max(vector, Vector<float>.Zero) : Gelu(vector);
        for (int i = vectors.Length * Vector<float>.Count; i < values.Length; i++)
            values[i] = activation == Activation.Relu ? Math.Max(values[i], 0f) : Gelu(Vector.Create(values[i]))[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Gelu(Vector<float> x)
    {
        Vector<float> size = Vector.Abs(x), t = Vector<float>.One / Vector.FusedMultiplyAdd(size, Vector.Create(P * RootOfHalf), Vector<float>.One);
        Vector<float> p = Vector.FusedMultiplyAdd(t, Vector.Create(A5), Vector.Create(A4));
        p = Vector.FusedMultiplyAdd(p, t, Vector.Create(A3));
        p = Vector.FusedMultiplyAdd(p, t, Vector.Create(A2));
        p = Vector.FusedMultiplyAdd(p, t, Vector.Create(A1));
        return Vector.Max(x, Vector<float>.Zero) - Vector.Create(0.5f) * size * VectorMath.Exp(Vector.Create(-0.5f) * x * x) * (p * t);
    }
}
