using System.Runtime.CompilerServices;
using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// The packs of a bf16 row that one lane of a kernel holds in registers. The lanes of a row take packs in turn, so that each load of a warp is contiguous.
/// ILGPU unrolls no loop, so the number of packs is that of the nested types: <see cref="LastPack"/>, with <see cref="MorePacks{TTail}"/> around it.
/// </summary>
/// <remarks>
/// Nothing here branches but <see cref="ForEach"/>, so that a lane starts all its loads at once. A lane without a pack loads the first of the tensor; what it
/// computes from that reaches no sum and no memory.
/// </remarks>
/// <typeparam name="TSelf">The type itself.</typeparam>
internal interface IRowRun<TSelf>
    where TSelf : unmanaged, IRowRun<TSelf>
{
    /// <summary>
    /// Loads the lane's packs of a row as they lie in memory, for <see cref="Unpack"/>: a load is waited for where its value is first used, so rows are fetched
    /// while those before them are computed.
    /// </summary>
    static abstract TSelf Fetch(ArrayView<Bf16x8> view, RowPlace place);

    /// <summary>Converts fetched packs to fp32.</summary>
    static abstract TSelf Unpack(TSelf fetched);

    /// <summary>Loads as many values of an fp32 row.</summary>
    static abstract TSelf LoadSingles(ArrayView<float> view, RowPlace place);

    /// <summary>Stores the packs that lie in the row as fp32.</summary>
    static abstract void StoreSingles(ArrayView<float> view, RowPlace place, TSelf values);

    /// <summary>The same value in all elements.</summary>
    static abstract TSelf All(float value);

    /// <summary>Sum of corresponding elements.</summary>
    static abstract TSelf Add(TSelf a, TSelf b);

    /// <summary>Sum of the products of corresponding elements that lie in the row.</summary>
    static abstract float Dot(TSelf a, TSelf b, RowPlace place);

    /// <summary>Element by element, the sum over all rows that the lanes of a warp hold, in the fixed order of a tree; all threads of the warp must call.</summary>
    static abstract TSelf SumOfRows(TSelf values, int lanes);

    /// <summary>Computes a function of corresponding elements, pack by pack.</summary>
    static abstract TSelf Map<TFunction>(TFunction function, RowOperands<TSelf> of, RowPlace place)
        where TFunction : struct, IPackFunction;

    /// <summary>Calls a function that stores what it computes from corresponding elements, for each pack that lies in the row.</summary>
    static abstract void ForEach<TAction>(TAction action, RowOperands<TSelf> of, RowPlace place)
        where TAction : struct, IPackAction;
}

/// <summary>A function of the elements of packs.</summary>
internal interface IPackFunction
{
    /// <summary>The result for elements at a pack, which may lie beyond the row's end.</summary>
    Float8 Of(RowOperands<LastPack> of, int pack);
}

/// <summary>A function that stores what it computes from the elements of packs.</summary>
internal interface IPackAction
{
    /// <summary>Computes and stores the results for elements at a pack of the row.</summary>
    void At(RowOperands<LastPack> of, int pack);
}

/// <summary>Rows, or packs of them, that go into one result: a value and its tangent, and the modulation and its tangent, as far as there are any.</summary>
internal struct RowOperands<TRun>
    where TRun : unmanaged
{
    public TRun Value;
    public TRun Tangent;
    public TRun Scale;
    public TRun Shift;
    public TRun TangentScale;
    public TRun TangentShift;

    /// <summary>The same run for all operands, to begin with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowOperands<TRun> All(TRun run)
    {
        RowOperands<TRun> result;
        result.Value = run;
        result.Tangent = run;
        result.Scale = run;
        result.Shift = run;
        result.TangentScale = run;
        result.TangentShift = run;
        return result;
    }
}
