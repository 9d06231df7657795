using System.Numerics;
using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>Elementary functions on host vectors, inlined into fused loops; relative error below 3e-7.</summary>
internal static class VectorMath
{
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    private const float RoundingShift = 12582912f;

    // ln 2 in two parts; the high part has 9 bits, so that its product with an exponent is exact.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -0.000212194442f;

    /// <summary>
    /// e^x for x clamped to [-87.3, 88.3], where the result is a normal number; NaN gives NaN. e^x = 2^n e^r with |r| at most ln(2) / 2,
    /// and e^r = 1 + r + r^2 q(r), where q interpolates at the Chebyshev nodes with degree 4 (relative error 1e-8).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        // The native minimum returns its second operand if either is NaN, so NaN passes through.
        x = Vector.MaxNative(Vector.Create(-87.3f), Vector.MinNative(Vector.Create(88.3f), x));
        Vector<float> shifted = Vector.FusedMultiplyAdd(x, Vector.Create(1.44269502f), Vector.Create(RoundingShift));
        Vector<float> n = shifted - Vector.Create(RoundingShift);
        Vector<float> r = Vector.FusedMultiplyAdd(n, Vector.Create(-Ln2High), x);
        r = Vector.FusedMultiplyAdd(n, Vector.Create(-Ln2Low), r);
        Vector<float> q = Vector.FusedMultiplyAdd(r, Vector.Create(0.00139262131f), Vector.Create(0.00836320315f));
        q = Vector.FusedMultiplyAdd(q, r, Vector.Create(0.0416665561f));
        q = Vector.FusedMultiplyAdd(q, r, Vector.Create(0.166665763f));
        q = Vector.FusedMultiplyAdd(q, r, Vector.Create(0.5f));
        q = Vector.FusedMultiplyAdd(q * r, r, r) + Vector<float>.One;
        return Vector.AsVectorSingle(Vector.AsVectorInt32(q) + Vector.ShiftLeft(Vector.AsVectorInt32(shifted), 23));
    }

    /// <summary>The logistic function 1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Logistic(Vector<float> x) => Vector<float>.One / (Vector<float>.One + Exp(-x));
}
