using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Eight bf16 elements in one 16-byte load or store: four words of two, the first in the lower half.</summary>
/// <remarks>
/// Where a row's length is a multiple of eight, <c>x.ViewOf&lt;BFloat16&gt;().Cast&lt;Bf16x8&gt;()</c> is aligned, since tensors
/// begin at multiples of 256 bytes; <see cref="Packs.View{TPack}"/> gives it.
/// </remarks>
public readonly struct Bf16x8 : IPack<Bf16x8>
{
    private readonly uint x, y, z, w;

    private Bf16x8(uint x, uint y, uint z, uint w)
    {
        this.x = x;
        this.y = y;
        this.z = z;
        this.w = w;
    }

    /// <inheritdoc/>
    public static int Width => 8;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Widen(Bf16x8 pack) => Float8.Of(
        Float4.Of(BFloat16.Lower(pack.x), BFloat16.Upper(pack.x), BFloat16.Lower(pack.y), BFloat16.Upper(pack.y)),
        Float4.Of(BFloat16.Lower(pack.z), BFloat16.Upper(pack.z), BFloat16.Lower(pack.w), BFloat16.Upper(pack.w)));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Bf16x8 Narrow(Float8 values) => new(
        BFloat16.Pack(values.Lower.X, values.Lower.Y), BFloat16.Pack(values.Lower.Z, values.Lower.W),
        BFloat16.Pack(values.Upper.X, values.Upper.Y), BFloat16.Pack(values.Upper.Z, values.Upper.W));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadSingles(ArrayView<float> view, int pack)
    {
        ArrayView<Float4> quads = view.Cast<Float4>();
        return Float8.Of(quads[2 * pack], quads[2 * pack + 1]);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSingles(ArrayView<float> view, int pack, Float8 values)
    {
        ArrayView<Float4> quads = view.Cast<Float4>();
        quads[2 * pack] = values.Lower;
        quads[2 * pack + 1] = values.Upper;
    }
}
