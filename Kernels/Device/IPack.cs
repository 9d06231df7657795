using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// Consecutive elements that a thread loads or stores at once. Kernels that are generic over it are written once: one
/// element a thread for rows of any length, eight of bf16 where rows allow it (<see cref="Bf16x8"/>).
/// </summary>
/// <remarks>
/// Kernels hold the values in a <see cref="Float8"/>. Those beyond <see cref="Width"/> have no meaning and reach no memory, so
/// the GPU's assembler drops their arithmetic. <see cref="Packs.Load"/> chooses the pack.
/// </remarks>
/// <typeparam name="TSelf">The pack itself, as it lies in memory.</typeparam>
public interface IPack<TSelf>
    where TSelf : unmanaged, IPack<TSelf>
{
    /// <summary>Elements in a pack: 1 or 8.</summary>
    static abstract int Width { get; }

    /// <summary>Converts the elements to fp32, exactly.</summary>
    static abstract Float8 Widen(TSelf pack);

    /// <summary>Rounds values to the storage type, to nearest, ties to even.</summary>
    static abstract TSelf Narrow(Float8 values);

    /// <summary>Loads as many values of an fp32 array as a pack holds.</summary>
    /// <param name="view">The array, 16-byte aligned.</param>
    /// <param name="pack">Index of the first value divided by <see cref="Width"/>.</param>
    static abstract Float8 LoadSingles(ArrayView<float> view, int pack);

    /// <summary>Stores as many values into an fp32 array as a pack holds.</summary>
    /// <param name="view">The array, 16-byte aligned.</param>
    /// <param name="pack">Index of the first value divided by <see cref="Width"/>.</param>
    /// <param name="values">The values.</param>
    static abstract void StoreSingles(ArrayView<float> view, int pack, Float8 values);
}

/// <summary>A pack of one element.</summary>
internal readonly struct One<TElement> : IPack<One<TElement>>
    where TElement : unmanaged, IElement<TElement>
{
    private readonly TElement element;

    private One(TElement element) => this.element = element;

    public static int Width => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Widen(One<TElement> pack) => Float8.All(TElement.ToSingle(pack.element));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static One<TElement> Narrow(Float8 values) => new(TElement.FromSingle(values.Lower.X));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadSingles(ArrayView<float> view, int pack) => Float8.All(view[pack]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSingles(ArrayView<float> view, int pack, Float8 values) => view[pack] = values.Lower.X;
}
