using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>Division of the heads into m tiles, in the argument of every kernel on tensor cores.</summary>
/// <remarks>
/// A block owns an m tile, the rows of a head whose outputs it sums, and streams n tiles over all rows of the other operand. In the forward pass and
/// for dQ, m is queries and n is keys and values; for dK and dV it is the reverse.
/// </remarks>
internal struct AttentionGrid
{
    /// <summary>Extents.</summary>
    public AttentionSizes Sizes;

    /// <summary>M tiles of a head.</summary>
    public int Tiles;

    /// <summary>M tiles of all heads.</summary>
    public int Items;

    /// <summary>Divides heads into m tiles of <paramref name="mTile"/> rows.</summary>
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
    /// <summary>Number of its head among the heads of all images; number of its image; number of its head in the image.</summary>
    public int Pair, Image, Head;

    /// <summary>Its first row in the head.</summary>
    public int Row;

    /// <summary>Returns the m tile with a number; tiles have <paramref name="mTile"/> rows.</summary>
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
