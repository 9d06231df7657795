namespace TrigFlowNative.Kernels;

/// <summary>Chooses the tile of a convolution.</summary>
internal static class WgmmaTiles
{
    /// <summary>Width of a tile, and the time of its k-iterations in units of that of 256 columns; between two widths the time is interpolated.</summary>
    public static readonly (int Columns, double Step)[] Widths = [(256, 1.0), (192, 0.78), (128, 0.58), (64, 0.42)];

    /// <summary>Time of a tile's prologue and epilogue, in the same unit.</summary>
    private const double TileOverhead = 2;

    /// <summary>Maximum number of blocks that share a tile: the largest portable cluster of sm_90.</summary>
    private const int MaxSplits = 8;

    /// <summary>Minimum number of k-iterations of a block.</summary>
    private const int MinSteps = 4;

    /// <summary>Returns the tile with which the slowest block ends first.</summary>
    /// <param name="columns">Columns of the output, a multiple of 8.</param>
    /// <param name="boxes">Number of boxes of 128 rows.</param>
    /// <param name="steps">Number of k-iterations, of 64 k indices each.</param>
    /// <param name="multiprocessors">Number of blocks that run at a time.</param>
    /// <param name="straddles">
    /// Whether chunks of 64 channels lie in two cache lines: L2's bandwidth is then the bound, and pairs of blocks copy the weights for each other.
    /// </param>
    public static WgmmaTile Best(int columns, int boxes, int steps, int multiprocessors, bool straddles = false)
    {
        if (SplitK(columns, boxes, steps, multiprocessors) is { } split)
            return split;
        if (columns < 64)
            return Of(columns, 1);
        (int Columns, double Time) best = default;
        foreach (int width in Widths.Select(width => width.Columns).Concat(EvenWidths(columns, straddles ? 16 : 8)))
        {
            long tiles = (long)boxes * ((columns + width - 1) / width);
            double time = (tiles + multiprocessors - 1) / multiprocessors * (steps * Step(width) + TileOverhead);
            if (best.Columns == 0 || time < best.Time)
                best = (width, time);
        }

        // A cluster brings each weight once. 256-column tiles are not bound by L2, so that pairs pay only where chunks straddle 128-byte lines.
        bool pairs = straddles ? boxes > 1 : boxes >= multiprocessors && best.Columns == 128;
        return Of(best.Columns, pairs ? 2 : 1);
    }

    /// <summary>
    /// Returns widths that divide columns which are not a multiple of 64 among tiles, each with less than a unit to spare. wgmma takes any multiple
    /// of 8, a pair of blocks any multiple of 16.
    /// </summary>
    private static IEnumerable<int> EvenWidths(int columns, int unit)
    {
        int maxColumns = Widths[0].Columns, minColumns = Widths[^1].Columns;
        for (int tiles = (columns + maxColumns - 1) / maxColumns; columns % 64 != 0 && columns / tiles >= minColumns; tiles++)
            yield return (columns + unit * tiles - 1) / (unit * tiles) * unit;
    }

    /// <summary>Returns the time of a k-iteration, in units of that of 256 columns.</summary>
    private static double Step(int width)
    {
        int i = 1;
        while (Widths[i].Columns > width)
            i++;
        ((int wide, double slow), (int narrow, double fast)) = (Widths[i - 1], Widths[i]);
        return fast + (slow - fast) * (width - narrow) / (wide - narrow);
    }

    /// <summary>Returns the tile whose blocks take the least time if several share each; null if tiles are many or have few k-iterations.</summary>
    private static WgmmaTile? SplitK(int columns, int boxes, int steps, int multiprocessors)
    {
        (WgmmaTile? Tile, double Time) best = default;
        foreach ((int width, double step) in Widths.Where(each => each.Columns is 64 or 128).Reverse())
        {
            int narrow = Math.Min(width, columns), splits = Splits(boxes * ((columns + narrow - 1) / narrow), steps, multiprocessors);
            double time = (steps + splits - 1) / splits * step;
            if (splits > 1 && (best.Tile is null || time < best.Time))
                best = (Of(narrow, 1) with { Splits = splits }, time);
        }

        return best.Tile;
    }

    /// <summary>Returns the number of blocks of a tile so that all occupy half of the multiprocessors: a cluster needs several neighbouring ones at the same time.</summary>
    private static int Splits(int tiles, int steps, int multiprocessors)
    {
        int splits = 1;
        while (splits < MaxSplits && 4 * splits * tiles <= multiprocessors && steps >= 2 * splits * MinSteps)
            splits *= 2;
        return splits;
    }

    /// <summary>Returns a plain tile of a width.</summary>
    public static WgmmaTile Of(int columns, int cluster) => new(columns, TransposeB: false, Residual: false, Fp32Output: false, cluster);
}
