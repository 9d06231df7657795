namespace TrigFlowNative.Kernels;

/// <summary>Which tile a product gets.</summary>
internal static class WgmmaTiles
{
    /// <summary>Width of a tile and the time of a step in units of that of 256 columns.</summary>
    private static readonly (int Columns, double Step)[] Widths = [(256, 1.0), (192, 0.78), (128, 0.58), (64, 0.42)];

    /// <summary>Time before the first product of a tile and after its last, in the same unit.</summary>
    private const double TileOverhead = 2;

    /// <summary>The tile with which the slowest block ends first.</summary>
    /// <param name="columns">Columns of the output, a multiple of 8.</param>
    /// <param name="boxes">Boxes of 128 rows.</param>
    /// <param name="steps">Steps of 64 inner indices.</param>
    /// <param name="multiprocessors">Blocks at work at a time.</param>
    public static WgmmaTile Best(int columns, int boxes, int steps, int multiprocessors)
    {
        if (columns < 64)
            return Of(columns, 1);
        (int Columns, double Time) best = default;
        foreach ((int width, double step) in Widths)
        {
            long tiles = (long)boxes * ((columns + width - 1) / width);
            double time = (tiles + multiprocessors - 1) / multiprocessors * (steps * step + TileOverhead);
            if (best.Columns == 0 || time < best.Time)
                best = (width, time);
        }

        return Of(best.Columns, boxes >= multiprocessors && best.Columns % 128 == 0 ? 2 : 1);
    }

    /// <summary>A plain tile of a width.</summary>
    public static WgmmaTile Of(int columns, int cluster) => new(columns, TransposeA: false, TransposeB: false, Residual: false, Single: false, cluster);
}

/// <summary>How the pixels of a weight gradient are split into ranges.</summary>
/// <param name="Tile">The tile of output by input channels.</param>
/// <param name="Box">The box of pixels of a step.</param>
/// <param name="Ranges">Number of ranges.</param>
/// <param name="Range">Boxes of a range, but for the last.</param>
internal sealed record WgmmaSplit(WgmmaTile Tile, PixelBox Box, int Ranges, int Range)
{
    /// <summary>Steps' time before the first product and after the last.</summary>
    private const double BlockOverhead = 8;

    private const int MostRanges = 64;

    /// <summary>The split with which the slowest block ends first.</summary>
    public static WgmmaSplit Of(ConvExtents e, int multiprocessors)
    {
        var box = PixelBox.Covering(e, WgmmaTile.Depth);
        int columns = e.C >= 256 ? e.C % 256 != 0 && e.C % 192 == 0 ? 192 : 256 : e.C >= 192 ? 192 : e.C >= 128 ? 128 : e.C >= 64 ? 64 : e.C;
        WgmmaTile tile = WgmmaTiles.Of(columns, 1) with { TransposeA = true, TransposeB = true, Single = true };
        int boxes = box.Count(e), tiles = Ceiling(e.K, WgmmaTile.Rows) * Ceiling(e.C, columns) * e.Taps;
        (int Ranges, double Time) best = default;
        for (int ranges = 1; ranges <= Math.Min(MostRanges, boxes); ranges++)
        {
            double time = Ceiling(tiles * ranges, multiprocessors) * (Ceiling(boxes, ranges) + BlockOverhead);
            if (best.Ranges == 0 || time < best.Time)
                best = (ranges, time);
        }

        int range = Ceiling(boxes, best.Ranges);
        return new WgmmaSplit(tile, box, Ceiling(boxes, range), range); // none may be empty: its block would store sums it never made
    }

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}
