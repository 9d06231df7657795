using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Tests on a float's bits, which options for fast arithmetic cannot optimise away.</summary>
internal static class FloatBits
{
    private const uint Exponent = 0x7F80_0000;

    /// <summary>Whether a value is neither infinite nor NaN.</summary>
    public static bool IsFinite(float x) => (Interop.FloatAsInt(x) & Exponent) != Exponent;

    /// <summary>A finite value itself, otherwise 0.</summary>
    public static float FiniteOrZero(float x) => IsFinite(x) ? x : 0f;

    /// <summary>1 for an infinite value or NaN, otherwise 0.</summary>
    public static int NonFinite(float x) => IsFinite(x) ? 0 : 1;
}
