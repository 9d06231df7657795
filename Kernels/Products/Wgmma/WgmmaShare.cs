using ILGPU;

namespace TrigFlowNative.Kernels;

/// <summary>
/// What a block does of a weight gradient: boxes of pixels of one tile after another. Computed alike by the blocks and, to test it, on the
/// host; see <see cref="WgmmaSplit"/> for how the work is shared out.
/// </summary>
internal struct WgmmaShare
{
    /// <summary>The tile, by number; -1 where the block has nothing more to do.</summary>
    public int Tile;

    /// <summary>The first box, and the one behind the last.</summary>
    public int Begin, End;

    /// <summary>Which of the tile's partial sums this makes; -1 where it makes the whole sum.</summary>
    public int Slot;

    /// <summary>The share of a block by number, from 0.</summary>
    /// <param name="index">How many shares the block has had.</param>
    /// <param name="block">The block.</param>
    /// <param name="blocks">Blocks of the grid.</param>
    /// <param name="tiles">Tiles in all.</param>
    /// <param name="wholeTiles">Tiles, from the first, that one block makes alone.</param>
    /// <param name="boxes">Boxes of pixels.</param>
    /// <param name="ranges">Equal ranges of boxes of every other tile, each a block's only share of those.</param>
    /// <param name="range">Boxes of such a range.</param>
    /// <param name="rest">Boxes that each of the remaining blocks takes of those that no range holds, of all tiles in a row.</param>
    public static WgmmaShare Of(int index, int block, int blocks, int tiles, int wholeTiles, int boxes, int ranges, int range, int rest)
    {
        WgmmaShare share;
        share.Tile = -1;
        share.Begin = 0;
        share.End = boxes;
        share.Slot = -1;
        int whole = block < wholeTiles ? (wholeTiles - 1 - block) / blocks + 1 : 0, shared = tiles - wholeTiles, ranged = ranges * shared;
        if (index < whole)
        {
            share.Tile = block + index * blocks;
        }
        else if (block < ranged)
        {
            if (index > whole)
                return share;
            share.Slot = block / shared;
            share.Tile = wholeTiles + block - share.Slot * shared;
            share.Begin = share.Slot * range;
            share.End = IntrinsicMath.Min(share.Begin + range, boxes);
        }
        else if (rest > 0)
        {
            int left = boxes - ranges * range, number = block - ranged, from = number * rest, to = IntrinsicMath.Min(from + rest, shared * left);
            int tile = from / left + index - whole, begin = IntrinsicMath.Max(from, tile * left), end = IntrinsicMath.Min(to, (tile + 1) * left);
            if (begin >= end)
                return share;
            share.Tile = wholeTiles + tile;
            share.Begin = ranges * range + begin - tile * left;
            share.End = ranges * range + end - tile * left;
            share.Slot = ranges + number - tile * left / rest;
        }

        return share;
    }

    /// <summary>Partial sums of a tile that blocks share.</summary>
    /// <param name="tile">The tile, counted from the first that is shared.</param>
    /// <param name="boxes">Boxes of pixels.</param>
    /// <param name="ranges">As in <see cref="Of"/>.</param>
    /// <param name="range">As in <see cref="Of"/>.</param>
    /// <param name="rest">As in <see cref="Of"/>.</param>
    public static int Slots(int tile, int boxes, int ranges, int range, int rest)
    {
        int left = boxes - ranges * range;
        return left <= 0 ? ranges : ranges + ((tile + 1) * left - 1) / rest - tile * left / rest + 1;
    }

    /// <summary>Row of a tile. Tiles follow one another in groups of eight rows, so that those at work at a time share rows and columns in the cache.</summary>
    public static int Row(int tile, int rowTiles, int columnTiles)
    {
        int group = tile / (8 * columnTiles), rows = IntrinsicMath.Min(8, rowTiles - 8 * group);
        return 8 * group + (tile - 8 * group * columnTiles) % rows;
    }

    /// <summary>Column of a tile.</summary>
    public static int Column(int tile, int rowTiles, int columnTiles)
    {
        int group = tile / (8 * columnTiles), rows = IntrinsicMath.Min(8, rowTiles - 8 * group);
        return (tile - 8 * group * columnTiles) / rows;
    }

    /// <summary>The tile at a row and a column.</summary>
    public static int At(int row, int column, int rowTiles, int columnTiles)
    {
        int group = row / 8, rows = IntrinsicMath.Min(8, rowTiles - 8 * group);
        return 8 * group * columnTiles + column * rows + row - 8 * group;
    }
}
