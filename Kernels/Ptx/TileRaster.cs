namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The order in which a matrix product's tiles are numbered: in groups of a few m tiles, within a group n tile by n tile. Blocks that run at
/// the same time then read few distinct m and n tiles, which stay in the L2 cache.
/// </summary>
public static class TileRaster
{
    /// <summary>M tiles in a group where a kernel does not choose.</summary>
    public const int Group = 8;

    /// <summary>The m tile of a tile.</summary>
    /// <param name="tile">Number of the tile.</param>
    /// <param name="mTiles">M tiles of the product.</param>
    /// <param name="nTiles">N tiles of the product.</param>
    /// <param name="grouped">M tiles in a group.</param>
    public static int M(int tile, int mTiles, int nTiles, int grouped = Group)
    {
        int group = tile / (grouped * nTiles), rows = Math.Min(grouped, mTiles - grouped * group);
        return grouped * group + (tile - grouped * group * nTiles) % rows;
    }

    /// <summary>The n tile of a tile; parameters as of <see cref="M"/>.</summary>
    public static int N(int tile, int mTiles, int nTiles, int grouped = Group)
    {
        int group = tile / (grouped * nTiles), rows = Math.Min(grouped, mTiles - grouped * group);
        return (tile - grouped * group * nTiles) / rows;
    }
}
