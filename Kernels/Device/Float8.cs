using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Eight floats of a kernel in registers: the values of an <see cref="IPack{TSelf}"/>.</summary>
public struct Float8
{
    /// <summary>First four elements.</summary>
    public Float4 Lower;

    /// <summary>Last four elements.</summary>
    public Float4 Upper;

    /// <summary>Returns eight values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Of(Float4 lower, Float4 upper)
    {
        Float8 result;
        result.Lower = lower;
        result.Upper = upper;
        return result;
    }

    /// <summary>Returns eight times the same value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 All(float x) => Of(Float4.All(x), Float4.All(x));

    /// <summary>Sum of each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator +(Float8 a, Float8 b) => Of(a.Lower + b.Lower, a.Upper + b.Upper);

    /// <summary>Difference of each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator -(Float8 a, Float8 b) => Of(a.Lower - b.Lower, a.Upper - b.Upper);

    /// <summary>Product of each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator *(Float8 a, Float8 b) => Of(a.Lower * b.Lower, a.Upper * b.Upper);

    /// <summary>Product of a number and each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator *(float a, Float8 b) => Of(a * b.Lower, a * b.Upper);

    /// <summary>The logistic function of each element, see <see cref="Float4.CoarseLogistic"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float8 CoarseLogistic(Float8 a) => Of(Float4.CoarseLogistic(a.Lower), Float4.CoarseLogistic(a.Upper));

    /// <summary>The derivative of SiLU, s + x s (1 - s), from its value x s and the logistic function s.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float8 SiluSlope(Float8 value, Float8 s) => s + value * (All(1f) - s);
}
