using System.Runtime.CompilerServices;
using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// The packs of a bf16 row that one lane of a kernel holds in registers. The lanes of a row take packs in turn, so that each load of a warp is contiguous.
/// ILGPU unrolls no loop, so the number of packs is that of the nested types: <see cref="LastPack"/>, with <see cref="MorePacks{TTail}"/> around it.
/// </summary>
/// <typeparam name="TSelf">The type itself.</typeparam>
internal interface IRowRun<TSelf>
    where TSelf : unmanaged, IRowRun<TSelf>
{
    /// <summary>Loads the lane's packs of a row; zeros beyond its end.</summary>
    static abstract TSelf Load(ArrayView<Bf16x8> view, RowPlace place);

    /// <summary>Rounds and stores the packs that lie in the row.</summary>
    static abstract void Store(ArrayView<Bf16x8> view, RowPlace place, TSelf values);

    /// <summary>Stores the packs that lie in the row as fp32.</summary>
    static abstract void StoreSingles(ArrayView<float> view, RowPlace place, TSelf values);

    /// <summary>The same value in all elements.</summary>
    static abstract TSelf All(float value);

    /// <summary>Sum of the products of corresponding elements.</summary>
    static abstract float Dot(TSelf a, TSelf b);

    /// <summary>Element by element, the sum over all rows that the lanes of a warp hold, in the fixed order of a tree; all threads of the warp must call.</summary>
    static abstract TSelf SumOfRows(TSelf values, int lanes);

    /// <summary>Applies a function to corresponding elements, pack by pack; zeros beyond the row's end.</summary>
    static abstract TSelf Map<TFunction>(TFunction function, TSelf a, TSelf b, RowPlace place)
        where TFunction : struct, IPackFunction;
}

/// <summary>A function of the elements of two packs.</summary>
internal interface IPackFunction
{
    /// <summary>The result for elements at a pack of the row.</summary>
    Float8 Of(Float8 a, Float8 b, int pack);
}

/// <summary>One pack.</summary>
internal struct LastPack : IRowRun<LastPack>
{
    private Float8 values;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Of(Float8 values)
    {
        LastPack result;
        result.values = values;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Load(ArrayView<Bf16x8> view, RowPlace place)
    {
        Float8 values = Float8.All(0f);
        if (place.IsInside)
            values = Bf16x8.Widen(view[place.Index]);
        return Of(values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ArrayView<Bf16x8> view, RowPlace place, LastPack values)
    {
        if (place.IsInside)
            view[place.Index] = Bf16x8.Narrow(values.values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSingles(ArrayView<float> view, RowPlace place, LastPack values)
    {
        if (place.IsInside)
            Bf16x8.StoreSingles(view, place.Index, values.values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack All(float value) => Of(Float8.All(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(LastPack a, LastPack b)
    {
        Float4 sum = a.values.Lower * b.values.Lower + a.values.Upper * b.values.Upper;
        return (sum.X + sum.Y) + (sum.Z + sum.W);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack SumOfRows(LastPack values, int lanes)
    {
        Float8 sum = values.values;
        for (int mask = Warp.WarpSize >> 1; mask >= lanes; mask >>= 1)
            sum += Float8.Of(Exchange(sum.Lower, mask), Exchange(sum.Upper, mask));
        return Of(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Map<TFunction>(TFunction function, LastPack a, LastPack b, RowPlace place)
        where TFunction : struct, IPackFunction
    {
        Float8 values = Float8.All(0f);
        if (place.IsInside)
            values = function.Of(a.values, b.values, place.Pack);
        return Of(values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Exchange(Float4 value, int mask) => Float4.Of(
        Warp.ShuffleXor(value.X, mask), Warp.ShuffleXor(value.Y, mask), Warp.ShuffleXor(value.Z, mask), Warp.ShuffleXor(value.W, mask));
}

/// <summary>A pack and further ones.</summary>
internal struct MorePacks<TTail> : IRowRun<MorePacks<TTail>>
    where TTail : unmanaged, IRowRun<TTail>
{
    private LastPack first;
    private TTail tail;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> Load(ArrayView<Bf16x8> view, RowPlace place) => Of(LastPack.Load(view, place), TTail.Load(view, place.Next));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ArrayView<Bf16x8> view, RowPlace place, MorePacks<TTail> values)
    {
        LastPack.Store(view, place, values.first);
        TTail.Store(view, place.Next, values.tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSingles(ArrayView<float> view, RowPlace place, MorePacks<TTail> values)
    {
        LastPack.StoreSingles(view, place, values.first);
        TTail.StoreSingles(view, place.Next, values.tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> All(float value) => Of(LastPack.All(value), TTail.All(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(MorePacks<TTail> a, MorePacks<TTail> b) => LastPack.Dot(a.first, b.first) + TTail.Dot(a.tail, b.tail);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> SumOfRows(MorePacks<TTail> values, int lanes) =>
        Of(LastPack.SumOfRows(values.first, lanes), TTail.SumOfRows(values.tail, lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> Map<TFunction>(TFunction function, MorePacks<TTail> a, MorePacks<TTail> b, RowPlace place)
        where TFunction : struct, IPackFunction =>
        Of(LastPack.Map(function, a.first, b.first, place), TTail.Map(function, a.tail, b.tail, place.Next));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static MorePacks<TTail> Of(LastPack first, TTail tail)
    {
        MorePacks<TTail> result;
        result.first = first;
        result.tail = tail;
        return result;
    }
}
