using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The part of the output that a block and a warp compute.</summary>
internal readonly struct MmaPlace
{
    /// <summary>First row and column of the block's tile.</summary>
    public readonly int Row, Column;

    /// <summary>First row and column of the warp's sums in the tile; its further groups of columns lie <see cref="MmaTile.GroupStride"/> apart.</summary>
    public readonly int WarpRow, WarpColumn;

    /// <summary>Finds the place of a thread in the block of a tile.</summary>
    public MmaPlace(int thread, TileIndex index, MmaTileShape tile)
    {
        Row = index.M * tile.Rows;
        Column = index.N * tile.Columns;
        int warp = thread >> 5, warpsAcross = tile.Columns / tile.WarpColumns;
        WarpRow = warp / warpsAcross * tile.WarpRows;
        WarpColumn = warp % warpsAcross * MmaTile.GroupColumns;
    }
}
