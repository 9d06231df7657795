namespace TrigFlowNative.Kernels;

/// <summary>How a weight gradient is shared out: tiles of output channels by chunks (64 input channels at a tap), and ranges of pixels.</summary>
/// <param name="Tile">The tile.</param>
/// <param name="Box">The box of pixels of a step.</param>
/// <param name="RowTiles">Tiles along the output channels.</param>
/// <param name="Tiles">Tiles in all.</param>
/// <param name="Ranges">Ranges; none is empty, since a block would then store sums it never made.</param>
/// <param name="Range">Boxes of a range, but for the last.</param>
internal sealed record WgmmaSplit(WgmmaTile Tile, PixelBox Box, int RowTiles, int Tiles, int Ranges, int Range)
{
    /// <summary>Steps' time in which a block stores a tile and starts the next.</summary>
    private const double TileOverhead = 4;

    /// <summary>Bytes of sums that memory takes, written and read again, in the time of a step: 0.6 microseconds at 2.5 TB/s.</summary>
    private const double BytesPerStep = 1.5e6;

    private const int MostRanges = 64;

    /// <summary>The split with which the slowest block ends first.</summary>
    public static WgmmaSplit Of(ConvExtents e, int multiprocessors)
    {
        var box = PixelBox.Covering(e, WgmmaTile.Depth);
        int boxes = box.Count(e), rowTiles = Ceiling(e.K, WgmmaTile.Rows), chunks = e.Taps * Ceiling(e.C, 64);
        double sumBytes = 8.0 * e.K * e.Taps * e.C;
        (int Columns, int Ranges, double Time) best = default;
        foreach ((int columns, double step) in WgmmaTiles.Widths)
        {
            int tiles = rowTiles * Ceiling(chunks, columns / 64);
            for (int ranges = 1; ranges <= Math.Min(MostRanges, boxes); ranges++)
            {
                double time = Ceiling(tiles * ranges, multiprocessors) * (Ceiling(boxes, ranges) * step + TileOverhead) + ranges * sumBytes / BytesPerStep;
                if (best.Columns == 0 || time < best.Time)
                    best = (columns, ranges, time);
            }
        }

        WgmmaTile tile = WgmmaTiles.Of(best.Columns, 1) with { TransposeA = true, TransposeB = true, Single = true };
        int range = Ceiling(boxes, best.Ranges);
        return new WgmmaSplit(tile, box, rowTiles, rowTiles * Ceiling(chunks, tile.Chunks), Ceiling(boxes, range), range);
    }

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}
