namespace TrigFlowNative.Kernels;

/// <summary>Which sums a block and a warp form.</summary>
internal readonly struct MmaPlace
{
    /// <summary>First row and column of the block's tile.</summary>
    public readonly int Row, Column;

    /// <summary>First row and column of the warp's sums in the tile; its further groups of columns lie <see cref="MmaTile.GroupStride"/> apart.</summary>
    public readonly int WarpRow, WarpColumn;

    /// <summary>
    /// Tiles are numbered in groups of <paramref name="grouped"/> rows of tiles, in a group column by column: blocks that run
    /// at a time then read few distinct rows and columns, which stay in the second-level cache.
    /// </summary>
    public MmaPlace(int thread, int tile, int rows, int columns, int tileRows, int tileColumns, int warpRows, int warpColumns, int grouped)
    {
        int rowTiles = (rows + tileRows - 1) / tileRows, columnTiles = (columns + tileColumns - 1) / tileColumns;
        int group = tile / (grouped * columnTiles), inside = tile - group * grouped * columnTiles;
        int left = rowTiles - group * grouped, height = left < grouped ? left : grouped;
        Row = (group * grouped + inside % height) * tileRows;
        Column = inside / height * tileColumns;
        int warp = thread >> 5, warpsAcross = tileColumns / warpColumns;
        WarpRow = warp / warpsAcross * warpRows;
        WarpColumn = warp % warpsAcross * MmaTile.GroupColumns;
    }
}
