using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace TrigFlowNative.Engine;

/// <summary>
/// An element type as it lies in memory. Generic kernels read and write such elements and calculate in fp32.
/// </summary>
/// <typeparam name="TSelf">The element type itself.</typeparam>
public interface IElement<TSelf>
    where TSelf : unmanaged, IElement<TSelf>
{
    /// <summary>The storage type.</summary>
    static abstract DType Type { get; }

    /// <summary>Converts an element to fp32, exactly.</summary>
    static abstract float ToSingle(TSelf element);

    /// <summary>Rounds to the nearest element, ties to even.</summary>
    static abstract TSelf FromSingle(float value);
}

/// <summary>An fp32 element.</summary>
public readonly struct Single32 : IElement<Single32>
{
    private readonly float value;

    private Single32(float value) => this.value = value;

    /// <inheritdoc/>
    public static DType Type => DType.Float32;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(Single32 element) => element.value;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single32 FromSingle(float value) => new(value);
}

/// <summary>
/// A bfloat16 element: the upper half of an fp32 number, with the range of fp32 and a unit roundoff of 2^-8.
/// </summary>
public readonly struct BFloat16 : IElement<BFloat16>, IEquatable<BFloat16>
{
    private readonly ushort bits;

    private BFloat16(ushort bits) => this.bits = bits;

    /// <inheritdoc/>
    public static DType Type => DType.BFloat16;

    /// <summary>Bit pattern of the element.</summary>
    public ushort Bits => bits;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(BFloat16 element) => Interop.IntAsFloat((uint)element.bits << 16);

    /// <summary>Rounds to the nearest element, ties to even. A quiet NaN stays a NaN, since its quiet bit lies in the upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BFloat16 FromSingle(float value) => new((ushort)(RoundToUpperHalf(value) >> 16));

    /// <summary>Rounds two numbers and packs them into a word as they lie in memory, the first in the lower half; on a GPU in one instruction.</summary>
    [IntrinsicImplementation]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Pack(float first, float second) => (RoundToUpperHalf(first) >> 16) | (RoundToUpperHalf(second) & 0xFFFF0000u);

    /// <summary>Value of the element in the lower half of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Lower(uint word) => Interop.IntAsFloat(word << 16);

    /// <summary>Value of the element in the upper half of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Upper(uint word) => Interop.IntAsFloat(word & 0xFFFF0000u);

    /// <summary>Whether the bits are equal.</summary>
    public bool Equals(BFloat16 other) => bits == other.bits;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => bits;

    /// <summary>Whether the bits are equal.</summary>
    public static bool operator ==(BFloat16 left, BFloat16 right) => left.Equals(right);

    /// <summary>Whether the bits differ.</summary>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !left.Equals(right);

    /// <summary>
    /// Adds half a unit in the last place of the upper half, or one less if that place is even. The bound keeps 0x7FFFFFFF, the NaN of GPU
    /// arithmetic, from turning into -0; it is a minimum rather than a condition, so that kernels do not branch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint RoundToUpperHalf(float value)
    {
        uint word = Interop.FloatAsInt(value);
        uint magnitude = Math.Min(word & 0x7FFFFFFFu, 0x7FFF0000u);
        return (word & 0x80000000u) | (magnitude + 0x7FFFu + ((magnitude >> 16) & 1u));
    }
}
