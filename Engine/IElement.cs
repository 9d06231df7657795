using System.Runtime.CompilerServices;
using ILGPU;

namespace TrigFlowNative.Engine;

/// <summary>
/// An element as it lies in memory. Kernels that are generic over it read and write storage and calculate in fp32.
/// </summary>
/// <typeparam name="TSelf">The element type itself.</typeparam>
public interface IElement<TSelf>
    where TSelf : unmanaged, IElement<TSelf>
{
    /// <summary>The storage type.</summary>
    static abstract DType Type { get; }

    /// <summary>The value, exactly.</summary>
    static abstract float ToSingle(TSelf element);

    /// <summary>The nearest element, ties to even.</summary>
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
/// A bfloat16 element: the upper half of an fp32 number, so that its range is that of fp32 and its relative spacing 2^-8.
/// </summary>
public readonly struct BFloat16 : IElement<BFloat16>, IEquatable<BFloat16>
{
    private readonly ushort bits;

    private BFloat16(ushort bits) => this.bits = bits;

    /// <inheritdoc/>
    public static DType Type => DType.BFloat16;

    /// <summary>The 16 bits.</summary>
    public ushort Bits => bits;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ToSingle(BFloat16 element) => Interop.IntAsFloat((uint)element.bits << 16);

    /// <summary>The nearest element, ties to even. A quiet NaN stays one: its quiet bit lies in the upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BFloat16 FromSingle(float value) => new((ushort)(RoundToUpperHalf(value) >> 16));

    /// <summary>Two elements as a word, the first in the lower half, as they lie in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Pack(float first, float second) => (RoundToUpperHalf(first) >> 16) | (RoundToUpperHalf(second) & 0xFFFF0000u);

    /// <summary>The element in the lower half of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Lower(uint word) => Interop.IntAsFloat(word << 16);

    /// <summary>The element in the upper half of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Upper(uint word) => Interop.IntAsFloat(word & 0xFFFF0000u);

    /// <summary>Equal bits.</summary>
    public bool Equals(BFloat16 other) => bits == other.bits;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => bits;

    /// <summary>Equal bits.</summary>
    public static bool operator ==(BFloat16 left, BFloat16 right) => left.Equals(right);

    /// <summary>Different bits.</summary>
    public static bool operator !=(BFloat16 left, BFloat16 right) => !left.Equals(right);

    /// <summary>
    /// Adds half a unit of the upper half's last place, less one where that is even. Without the bound the sum would turn
    /// 0x7FFFFFFF, the NaN that a GPU's arithmetic makes, into -0; a bound and no question, so that kernels do not branch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint RoundToUpperHalf(float value)
    {
        uint word = Interop.FloatAsInt(value);
        uint magnitude = Math.Min(word & 0x7FFFFFFFu, 0x7FFF0000u);
        return (word & 0x80000000u) | (magnitude + 0x7FFFu + ((magnitude >> 16) & 1u));
    }
}
