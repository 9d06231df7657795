using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>How the heads of an attention are divided for the kernels on tensor cores, which all take it in their argument.</summary>
/// <remarks>
/// A block owns an m tile, rows of a head whose outputs it sums, and streams n tiles, all rows of the other side: m is queries and n keys and
/// values in the forward pass and for dQ, and the reverse for dK and dV.
/// </remarks>
internal struct AttentionGrid
{
    /// <summary>Extents.</summary>
    public AttentionSizes Sizes;

    /// <summary>M tiles of a head.</summary>
    public int Tiles;

    /// <summary>M tiles of all heads.</summary>
    public int Items;

    /// <summary>Divides heads into m tiles of so many rows.</summary>
    public AttentionGrid(AttentionSizes sizes, int mTile)
    {
        Sizes = sizes;
        Tiles = sizes.Tiles(mTile);
        Items = sizes.Pairs * Tiles;
    }
}

/// <summary>An m tile of an <see cref="AttentionGrid"/>.</summary>
internal struct AttentionItem
{
    /// <summary>Number of its head among those of all images; its image, and its head's number there.</summary>
    public int Pair, Image, Head;

    /// <summary>Its first row in the head.</summary>
    public int Row;

    /// <summary>The m tile of so many rows by its number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionItem Of(AttentionGrid grid, int item, int mTile)
    {
        AttentionItem result;
        result.Pair = item / grid.Tiles;
        result.Row = (item - result.Pair * grid.Tiles) * mTile;
        result.Image = result.Pair / grid.Sizes.Heads;
        result.Head = result.Pair - result.Image * grid.Sizes.Heads;
        return result;
    }
}
