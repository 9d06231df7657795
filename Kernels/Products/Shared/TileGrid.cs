using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The tiles of a matrix product's output, in the order of <see cref="TileRaster"/>, in the form that kernels take.</summary>
internal struct TileGrid
{
    /// <summary>Number of tiles along m and along n; columns of a tile.</summary>
    public int MTiles, NTiles, TileN;

    /// <summary>Number of all tiles.</summary>
    public readonly int Count => MTiles * NTiles;

    /// <summary>Returns the m tile of a tile.</summary>
    public readonly int M(int tile) => TileRaster.Of(tile, MTiles, NTiles).M;

    /// <summary>Returns the n tile of a tile.</summary>
    public readonly int N(int tile) => TileRaster.Of(tile, MTiles, NTiles).N;

    /// <summary>Returns the number of the tile at an m tile and an n tile.</summary>
    public readonly int Number(int m, int n) => TileRaster.Number(m, n, MTiles, NTiles);
}
