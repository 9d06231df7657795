using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>A run of one pack.</summary>
internal struct LastPack : IRowRun<LastPack>
{
    private Float8 values;

    /// <summary>The pack's elements.</summary>
    public readonly Float8 Values
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Of(Float8 values)
    {
        LastPack result;
        result.values = values;
        return result;
    }

    /// <inheritdoc/>
    /// <remarks>The four words are in the bits of the first four elements.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Fetch(ArrayView<Bf16x8> view, RowPlace place)
    {
        Float4 words = view.Cast<Float4>()[place.SafeIndex];
        return Of(Float8.Of(words, words));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Unpack(LastPack fetched)
    {
        Float4 words = fetched.values.Lower;
        uint x = Interop.FloatAsInt(words.X), y = Interop.FloatAsInt(words.Y), z = Interop.FloatAsInt(words.Z), w = Interop.FloatAsInt(words.W);
        return Of(Float8.Of(
            Float4.Of(BFloat16.Lower(x), BFloat16.Upper(x), BFloat16.Lower(y), BFloat16.Upper(y)),
            Float4.Of(BFloat16.Lower(z), BFloat16.Upper(z), BFloat16.Lower(w), BFloat16.Upper(w))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack LoadSingles(ArrayView<float> view, RowPlace place) => Of(Bf16x8.LoadSingles(view, place.SafeIndex));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSingles(ArrayView<float> view, RowPlace place, LastPack values)
    {
        if (place.IsInside)
            Bf16x8.StoreSingles(view, place.Index, values.values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack All(float value) => Of(Float8.All(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LastPack Add(LastPack a, LastPack b) => Of(a.values + b.values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(LastPack a, LastPack b, RowPlace place)
    {
        Float4 sum = a.values.Lower * b.values.Lower + a.values.Upper * b.values.Upper;
        return place.IsInside ? (sum.X + sum.Y) + (sum.Z + sum.W) : 0f;
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
    public static LastPack Map<TFunction>(TFunction function, RowOperands<LastPack> of, RowPlace place)
        where TFunction : struct, IPackFunction => Of(function.Of(of, place.Pack));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ForEach<TAction>(TAction action, RowOperands<LastPack> of, RowPlace place)
        where TAction : struct, IPackAction
    {
        if (place.IsInside)
            action.At(of, place.Pack);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Exchange(Float4 value, int mask) => Float4.Of(
        Warp.ShuffleXor(value.X, mask), Warp.ShuffleXor(value.Y, mask), Warp.ShuffleXor(value.Z, mask), Warp.ShuffleXor(value.W, mask));
}

/// <summary>A run of a pack and further ones.</summary>
internal struct MorePacks<TTail> : IRowRun<MorePacks<TTail>>
    where TTail : unmanaged, IRowRun<TTail>
{
    private LastPack first;
    private TTail tail;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> Fetch(ArrayView<Bf16x8> view, RowPlace place) => Of(LastPack.Fetch(view, place), TTail.Fetch(view, place.Next));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> Unpack(MorePacks<TTail> fetched) => Of(LastPack.Unpack(fetched.first), TTail.Unpack(fetched.tail));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> LoadSingles(ArrayView<float> view, RowPlace place) => Of(LastPack.LoadSingles(view, place), TTail.LoadSingles(view, place.Next));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSingles(ArrayView<float> view, RowPlace place, MorePacks<TTail> values)
    {
        LastPack.StoreSingles(view, place, values.first);
        TTail.StoreSingles(view, place.Next, values.tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> All(float value) => Of(LastPack.All(value), TTail.All(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> Add(MorePacks<TTail> a, MorePacks<TTail> b) => Of(LastPack.Add(a.first, b.first), TTail.Add(a.tail, b.tail));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Dot(MorePacks<TTail> a, MorePacks<TTail> b, RowPlace place) =>
        LastPack.Dot(a.first, b.first, place) + TTail.Dot(a.tail, b.tail, place.Next);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> SumOfRows(MorePacks<TTail> values, int lanes) =>
        Of(LastPack.SumOfRows(values.first, lanes), TTail.SumOfRows(values.tail, lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MorePacks<TTail> Map<TFunction>(TFunction function, RowOperands<MorePacks<TTail>> of, RowPlace place)
        where TFunction : struct, IPackFunction =>
        Of(LastPack.Map(function, FirstOf(of), place), TTail.Map(function, RestOf(of), place.Next));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ForEach<TAction>(TAction action, RowOperands<MorePacks<TTail>> of, RowPlace place)
        where TAction : struct, IPackAction
    {
        LastPack.ForEach(action, FirstOf(of), place);
        TTail.ForEach(action, RestOf(of), place.Next);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowOperands<LastPack> FirstOf(RowOperands<MorePacks<TTail>> of)
    {
        RowOperands<LastPack> result;
        result.Value = of.Value.first;
        result.Tangent = of.Tangent.first;
        result.Scale = of.Scale.first;
        result.Shift = of.Shift.first;
        result.TangentScale = of.TangentScale.first;
        result.TangentShift = of.TangentShift.first;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowOperands<TTail> RestOf(RowOperands<MorePacks<TTail>> of)
    {
        RowOperands<TTail> result;
        result.Value = of.Value.tail;
        result.Tangent = of.Tangent.tail;
        result.Scale = of.Scale.tail;
        result.Shift = of.Shift.tail;
        result.TangentScale = of.TangentScale.tail;
        result.TangentShift = of.TangentShift.tail;
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static MorePacks<TTail> Of(LastPack first, TTail tail)
    {
        MorePacks<TTail> result;
        result.first = first;
        result.tail = tail;
        return result;
    }
}
