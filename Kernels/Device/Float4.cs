using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// Four floats of a kernel in registers: one 16-byte load or store. ILGPU unrolls no loop, so the inner tiles of kernels are
/// written out over values of this type.
/// </summary>
public struct Float4
{
    /// <summary>First element.</summary>
    public float X;

    /// <summary>Second element.</summary>
    public float Y;

    /// <summary>Third element.</summary>
    public float Z;

    /// <summary>Fourth element.</summary>
    public float W;

    /// <summary>Returns four values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Of(float x, float y, float z, float w)
    {
        Float4 result;
        result.X = x;
        result.Y = y;
        result.Z = z;
        result.W = w;
        return result;
    }

    /// <summary>Returns four times the same value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 All(float x) => Of(x, x, x, x);

    /// <summary>a b + c for each element; the GPU's assembler fuses each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(float a, Float4 b, Float4 c) => Of(a * b.X + c.X, a * b.Y + c.Y, a * b.Z + c.Z, a * b.W + c.W);

    /// <summary>Sum of each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator +(Float4 a, Float4 b) => Of(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);

    /// <summary>Difference of each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator -(Float4 a, Float4 b) => Of(a.X - b.X, a.Y - b.Y, a.Z - b.Z, a.W - b.W);

    /// <summary>Difference of each element and a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator -(Float4 a, float b) => Of(a.X - b, a.Y - b, a.Z - b, a.W - b);

    /// <summary>Product of each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator *(Float4 a, Float4 b) => Of(a.X * b.X, a.Y * b.Y, a.Z * b.Z, a.W * b.W);

    /// <summary>Product of a number and each element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator *(float a, Float4 b) => Of(a * b.X, a * b.Y, a * b.Z, a * b.W);

    /// <summary>Larger of each two elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Max(Float4 a, Float4 b) =>
        Of(MathF.Max(a.X, b.X), MathF.Max(a.Y, b.Y), MathF.Max(a.Z, b.Z), MathF.Max(a.W, b.W));

    /// <summary>Exponential of each element, by the hardware's approximation on a GPU.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Exp(Float4 a) => Of(MathF.Exp(a.X), MathF.Exp(a.Y), MathF.Exp(a.Z), MathF.Exp(a.W));

    /// <summary>Each element if it is finite, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float4 FiniteOrZero(Float4 a) => Of(FloatBits.FiniteOrZero(a.X), FloatBits.FiniteOrZero(a.Y), FloatBits.FiniteOrZero(a.Z), FloatBits.FiniteOrZero(a.W));

    /// <summary>Number of elements that are not finite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int CountNonFinite(Float4 a) => (FloatBits.NonFinite(a.X) + FloatBits.NonFinite(a.Y)) + (FloatBits.NonFinite(a.Z) + FloatBits.NonFinite(a.W));

    /// <summary>
    /// The logistic function 1 / (1 + e^-x) = (1 + tanh(x / 2)) / 2 of each element; on a GPU by one instruction, with an error of 2^-11, a quarter of that of
    /// rounding to bf16.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float4 CoarseLogistic(Float4 a) =>
        0.5f * Of(MathF.Tanh(0.5f * a.X), MathF.Tanh(0.5f * a.Y), MathF.Tanh(0.5f * a.Z), MathF.Tanh(0.5f * a.W)) + All(0.5f);

    /// <summary>The sum of the four squares, in float64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double Squares(Float4 a) => ((double)a.X * a.X + (double)a.Y * a.Y) + ((double)a.Z * a.Z + (double)a.W * a.W);

    /// <summary>The sum of the four products, in float64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static double Products(Float4 a, Float4 b) => ((double)a.X * b.X + (double)a.Y * b.Y) + ((double)a.Z * b.Z + (double)a.W * b.W);

    /// <summary>Elements [index, index + valid) with zeros behind, where valid may be 0 or negative.</summary>
    /// <param name="view">Memory.</param>
    /// <param name="index">First element.</param>
    /// <param name="valid">Number of elements that exist, at most 4.</param>
    /// <param name="aligned">1 if index is a multiple of 4, the view 16-byte aligned and valid never 1 to 3.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float4 Load(ArrayView<float> view, int index, int valid, int aligned)
    {
        Float4 result = All(0f);
        if (aligned != 0)
        {
            if (valid > 0)
                result = view.Cast<Float4>()[index >> 2];
        }
        else
        {
            if (valid > 0)
                result.X = view[index];
            if (valid > 1)
                result.Y = view[index + 1];
            if (valid > 2)
                result.Z = view[index + 2];
            if (valid > 3)
                result.W = view[index + 3];
        }

        return result;
    }

    /// <summary>Stores the first <paramref name="valid"/> of four elements; the counterpart of <see cref="Load"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(ArrayView<float> view, int index, int valid, int aligned, Float4 value)
    {
        if (aligned != 0)
        {
            if (valid > 0)
                view.Cast<Float4>()[index >> 2] = value;
        }
        else
        {
            if (valid > 0)
                view[index] = value.X;
            if (valid > 1)
                view[index + 1] = value.Y;
            if (valid > 2)
                view[index + 2] = value.Z;
            if (valid > 3)
                view[index + 3] = value.W;
        }
    }

    /// <summary>Stores the first <paramref name="valid"/> of four elements, rounded to bf16; the counterpart of <see cref="Store"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StoreRounded(ArrayView<BFloat16> view, int index, int valid, int aligned, Float4 value)
    {
        if (aligned != 0)
        {
            WordPair words;
            words.First = BFloat16.Pack(value.X, value.Y);
            words.Second = BFloat16.Pack(value.Z, value.W);
            if (valid > 0)
                view.Cast<WordPair>()[index >> 2] = words;
        }
        else
        {
            if (valid > 0)
                view[index] = BFloat16.FromSingle(value.X);
            if (valid > 1)
                view[index + 1] = BFloat16.FromSingle(value.Y);
            if (valid > 2)
                view[index + 2] = BFloat16.FromSingle(value.Z);
            if (valid > 3)
                view[index + 3] = BFloat16.FromSingle(value.W);
        }
    }

    /// <summary>Four bf16 numbers, written by one 8-byte store.</summary>
    private struct WordPair
    {
        public uint First;
        public uint Second;
    }
}
