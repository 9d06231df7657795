using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The tiles of a matrix product's output, numbered as <see cref="TileRaster"/> says, in the form kernels take.</summary>
internal struct TileGrid
{
    /// <summary>Tiles along m and along n, and columns of a tile.</summary>
    public int MTiles, NTiles, TileN;

    /// <summary>Tiles in all.</summary>
    public readonly int Count => MTiles * NTiles;

    /// <summary>The m tile of a tile.</summary>
    public readonly int M(int tile) => TileRaster.Of(tile, MTiles, NTiles).M;

    /// <summary>The n tile of a tile.</summary>
    public readonly int N(int tile) => TileRaster.Of(tile, MTiles, NTiles).N;

    /// <summary>The number of the tile at an m tile and an n tile.</summary>
    public readonly int Number(int m, int n) => TileRaster.Number(m, n, MTiles, NTiles);
}
