namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The order in which a matrix product's tiles are numbered: in groups of a few m tiles, within a group n tile by n tile. Blocks that run at
/// the same time then read few distinct m and n tiles, which stay in the L2 cache.
/// </summary>
/// <remarks>Device code, and host code alike.</remarks>
public static class TileRaster
{
    /// <summary>M tiles in a group where a kernel does not choose.</summary>
    public const int Group = 8;

    /// <summary>The m tile and the n tile of a tile.</summary>
    /// <param name="tile">Number of the tile.</param>
    /// <param name="mTiles">M tiles of the product.</param>
    /// <param name="nTiles">N tiles of the product.</param>
    /// <param name="grouped">M tiles in a group.</param>
    public static TileIndex Of(int tile, int mTiles, int nTiles, int grouped = Group)
    {
        int group = tile / (grouped * nTiles), inside = tile - grouped * group * nTiles, rows = Math.Min(grouped, mTiles - grouped * group);
        TileIndex index;
        index.M = grouped * group + inside % rows;
        index.N = inside / rows;
        return index;
    }

    /// <summary>The number of the tile at an m tile and an n tile, in groups of <see cref="Group"/>.</summary>
    public static int Number(int m, int n, int mTiles, int nTiles)
    {
        int group = m / Group, rows = Math.Min(Group, mTiles - Group * group);
        return Group * group * nTiles + n * rows + m - Group * group;
    }
}

/// <summary>A tile by its m tile and its n tile.</summary>
public struct TileIndex
{
    /// <summary>M tile and n tile.</summary>
    public int M, N;
}
