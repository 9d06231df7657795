using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Position of a lane in a row of packs.</summary>
internal struct RowPlace
{
    /// <summary>Index of the row's first pack.</summary>
    public int Row;

    /// <summary>Pack of the row at which the lane is.</summary>
    public int Pack;

    /// <summary>Lanes of a row: the distance of a lane's packs.</summary>
    public int Lanes;

    /// <summary>Packs in a row; 0 for a row that does not exist, in which nothing lies inside.</summary>
    public int Packs;

    /// <summary>Index of the pack in the view.</summary>
    public readonly int Index => Row + Pack;

    /// <summary>The index, or that of the tensor's first pack if this one does not lie in the row.</summary>
    public readonly int SafeIndex => IsInside ? Index : 0;

    /// <summary>Whether the pack lies in the row.</summary>
    public readonly bool IsInside => Pack < Packs;

    /// <summary>The lane's next pack.</summary>
    public readonly RowPlace Next
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Of(Row, Pack + Lanes, Lanes, Packs);
    }

    /// <summary>Returns a position.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowPlace Of(int row, int pack, int lanes, int packs)
    {
        RowPlace place;
        place.Row = row;
        place.Pack = pack;
        place.Lanes = lanes;
        place.Packs = packs;
        return place;
    }

    /// <summary>The same place in a row that begins elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly RowPlace In(int row) => Of(row, Pack, Lanes, Packs);
}
