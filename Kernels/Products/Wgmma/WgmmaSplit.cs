namespace TrigFlowNative.Kernels;

/// <summary>
/// How a weight gradient is shared out: tiles of output channels by chunks (64 input channels at a tap), and boxes of pixels. What fills
/// the device evenly are tiles that one block makes alone, wave after wave. Of those that are left, fewer than blocks, every tile's boxes
/// fall into equal ranges, a block each, which are at work on the same pixels at a time; blocks without a range share out the boxes that
/// no range holds, so that all end together.
/// </summary>
/// <param name="Tile">The tile.</param>
/// <param name="Box">The box of pixels of a step.</param>
/// <param name="Boxes">Boxes in all.</param>
/// <param name="RowTiles">Tiles along the output channels.</param>
/// <param name="ColumnTiles">Tiles along taps and input channels.</param>
/// <param name="Blocks">Blocks of the grid.</param>
/// <param name="WholeTiles">Tiles that a block makes alone; see <see cref="WgmmaShare.Of"/>, for the next three too.</param>
/// <param name="Ranges">Ranges of every other tile.</param>
/// <param name="Range">Boxes of a range; the last may have fewer, none has none.</param>
/// <param name="Rest">Boxes of a block without a range; 0 if there is none.</param>
internal sealed record WgmmaSplit(
    WgmmaGradientTile Tile, PixelBox Box, int Boxes, int RowTiles, int ColumnTiles, int Blocks, int WholeTiles, int Ranges, int Range, int Rest)
{
    /// <summary>Width of a tile and the time of its steps, in microseconds on an H200 whose clock is not held back.</summary>
    private static readonly (int Columns, double Step)[] Widths = [(256, 0.72), (192, 0.63), (128, 0.50), (64, 0.34)];

    /// <summary>Bytes that a block stores in a microsecond while all do; bytes that memory yields in one; microseconds of a further launch.</summary>
    private const double StoredBytes = 40e3, LoadedBytes = 3.6e6, Launch = 4;

    /// <summary>Tiles that take turns at the sums of dy, and boxes by which ranges are tried longer than even, since the other blocks store more.</summary>
    private const int MostTakers = 8, MostUneven = 16;

    /// <summary>Tiles in all.</summary>
    public int Tiles => RowTiles * ColumnTiles;

    /// <summary>Tiles that blocks share.</summary>
    public int SharedTiles => Tiles - WholeTiles;

    /// <summary>Places for the partial sums of a shared tile; 1 where there is none.</summary>
    public int Slots => Math.Max(1, Enumerable.Range(0, SharedTiles).Select(tile => WgmmaShare.Slots(tile, Boxes, Ranges, Range, Rest)).DefaultIfEmpty().Max());

    /// <summary>Tiles of a row that take turns at summing dy for the gradient of a bias; where no tile is shared one does it all, and needs no further launch.</summary>
    public int Takers => SharedTiles == 0 ? 1 : Math.Min(MostTakers, ColumnTiles);

    /// <summary>Numbers in the partial sums of all shared tiles.</summary>
    public int PartialCount => checked(SharedTiles * Slots * WgmmaTile.Rows * Tile.Columns);

    /// <summary>Numbers in the partial sums of dy.</summary>
    public int BiasCount(int outputs) => SharedTiles == 0 ? 0 : Takers * Slots * outputs;

    /// <summary>The split whose slowest block ends first.</summary>
    public static WgmmaSplit Of(ConvExtents e, int multiprocessors)
    {
        double loads = 2.0 * e.Pixels * (e.C + e.K) / LoadedBytes;
        return Candidates(e, multiprocessors).MinBy(split => split.Time(loads))!;
    }

    /// <summary>Microseconds that the split should take, but for the launch.</summary>
    /// <param name="loads">Microseconds in which memory yields the operands.</param>
    public double Time(double loads)
    {
        double step = Widths.First(width => width.Columns == Tile.Columns).Step, tileBytes = sizeof(float) * WgmmaTile.Rows * Tile.Columns, store = tileBytes / StoredBytes;
        double whole = Ceiling(WholeTiles, Blocks) * (Boxes * step + store);
        if (SharedTiles == 0)
            return Math.Max(whole, loads + store);
        int left = Boxes - Ranges * Range;
        double ranged = Range * step + store, rest = Rest == 0 ? 0 : Rest * step + Math.Min(SharedTiles, Rest / left + 2) * store;
        return Math.Max(whole + Math.Max(ranged, rest), loads + store) + Launch + SharedTiles * Slots * tileBytes / LoadedBytes;
    }

    private static IEnumerable<WgmmaSplit> Candidates(ConvExtents e, int multiprocessors)
    {
        var box = PixelBox.Covering(e, WgmmaTile.Depth);
        int boxes = box.Count(e), rowTiles = Ceiling(e.K, WgmmaTile.Rows), chunks = e.Taps * Ceiling(e.C, 64);
        foreach ((int columns, _) in Widths)
        {
            var tile = new WgmmaGradientTile(columns);
            int columnTiles = Ceiling(chunks, tile.Chunks), tiles = rowTiles * columnTiles, shared = tiles % multiprocessors;
            yield return new WgmmaSplit(tile, box, boxes, rowTiles, columnTiles, Math.Min(tiles, multiprocessors), tiles, 0, 0, 0);
            for (int ranges = 1; shared > 0 && ranges <= Math.Min(multiprocessors / shared, boxes); ranges++)
            {
                int blocks = ranges * shared, others = multiprocessors - blocks, even = Ceiling(shared * boxes, multiprocessors);
                var split = new WgmmaSplit(tile, box, boxes, rowTiles, columnTiles, tiles > shared ? multiprocessors : blocks, tiles - shared, ranges, Ceiling(boxes, ranges), 0);
                if (ranges > 1 && (ranges - 1) * split.Range < boxes)
                    yield return split;
                for (int range = even; others > 0 && range < even + MostUneven && ranges * range < boxes; range++)
                    yield return split with { Blocks = multiprocessors, Range = range, Rest = Ceiling(shared * (boxes - ranges * range), others) };
            }
        }
    }

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}
