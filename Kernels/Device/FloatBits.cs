using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Questions that kernels ask of a float's bits, which no compiler option for fast arithmetic can answer away.</summary>
internal static class FloatBits
{
    private const uint Exponent = 0x7F80_0000;

    /// <summary>Neither infinite nor NaN.</summary>
    public static bool IsFinite(float x) => (Interop.FloatAsInt(x) & Exponent) != Exponent;
}
