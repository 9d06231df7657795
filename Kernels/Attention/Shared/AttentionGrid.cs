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
