using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Eight floats of a kernel in registers: the values of an <see cref="IPack{TSelf}"/>.</summary>
internal struct Float8
{
    public Float4 Lower;
    public Float4 Upper;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Of(Float4 lower, Float4 upper)
    {
        Float8 result;
        result.Lower = lower;
        result.Upper = upper;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 All(float x) => Of(Float4.All(x), Float4.All(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator +(Float8 a, Float8 b) => Of(a.Lower + b.Lower, a.Upper + b.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator *(Float8 a, Float8 b) => Of(a.Lower * b.Lower, a.Upper * b.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator *(float a, Float8 b) => Of(a * b.Lower, a * b.Upper);
}
