namespace TrigFlowNative.Kernels;

/// <summary>Which tile a product gets.</summary>
internal static class WgmmaTiles
{
    /// <summary>Width of a tile and the time of a step in units of that of 256 columns; between them it grows evenly.</summary>
    public static readonly (int Columns, double Step)[] Widths = [(256, 1.0), (192, 0.78), (128, 0.58), (64, 0.42)];

    /// <summary>Time before the first product of a tile and after its last, in the same unit.</summary>
    private const double TileOverhead = 2;

    /// <summary>Blocks that may share a tile, for whose sums there is room in shared memory.</summary>
    private const int MostSplits = 4;

    /// <summary>Fewest steps that are worth a block.</summary>
    private const int LeastSteps = 4;

    /// <summary>The tile with which the slowest block ends first.</summary>
    /// <param name="columns">Columns of the output, a multiple of 8.</param>
    /// <param name="boxes">Boxes of 128 rows.</param>
    /// <param name="steps">Steps of 64 inner indices.</param>
    /// <param name="multiprocessors">Blocks at work at a time.</param>
    /// <param name="straddles">
    /// Whether slices lie in two lines of the cache: then the way from L2 is what is short, and blocks in pairs bring the weights for each other.
    /// </param>
    public static WgmmaTile Best(int columns, int boxes, int steps, int multiprocessors, bool straddles = false)
    {
        if (columns < 64)
            return Of(columns, 1) with { Splits = Splits(boxes, steps, multiprocessors) };
        (int Columns, double Time) best = default;
        foreach (int width in Widths.Select(width => width.Columns).Concat(EvenWidths(columns, straddles ? 16 : 8)))
        {
            long tiles = (long)boxes * ((columns + width - 1) / width);
            double time = (tiles + multiprocessors - 1) / multiprocessors * (steps * Step(width) + TileOverhead);
            if (best.Columns == 0 || time < best.Time)
                best = (width, time);
        }

        int splits = best.Columns == 64 ? Splits(boxes * ((columns + 63) / 64), steps, multiprocessors) : 1;
        // A cluster brings each weight once. At 256 columns that saves nothing that is short, unless slices lie in two lines.
        bool pairs = straddles ? boxes > 1 : boxes >= multiprocessors && best.Columns == 128;
        return Of(best.Columns, splits == 1 && pairs ? 2 : 1) with { Splits = splits };
    }

    /// <summary>
    /// Widths that share out columns which are no multiple of 64 with less than a unit left over for each tile. wgmma takes any multiple
    /// of 8, and a pair of blocks any of 16.
    /// </summary>
    private static IEnumerable<int> EvenWidths(int columns, int unit)
    {
        int most = Widths[0].Columns, least = Widths[^1].Columns;
        for (int tiles = (columns + most - 1) / most; columns % 64 != 0 && columns / tiles >= least; tiles++)
            yield return (columns + unit * tiles - 1) / (unit * tiles) * unit;
    }

    /// <summary>The time of a step, in units of that of 256 columns.</summary>
    private static double Step(int width)
    {
        int i = 1;
        while (Widths[i].Columns > width)
            i++;
        ((int wide, double slow), (int narrow, double fast)) = (Widths[i - 1], Widths[i]);
        return fast + (slow - fast) * (width - narrow) / (wide - narrow);
    }

    /// <summary>Blocks for each tile where there are multiprocessors for as many.</summary>
    private static int Splits(int tiles, int steps, int multiprocessors)
    {
        int splits = 1;
        while (splits < MostSplits && 2 * splits * tiles <= multiprocessors && steps >= 2 * splits * LeastSteps)
            splits *= 2;
        return splits;
    }

    /// <summary>A plain tile of a width.</summary>
    public static WgmmaTile Of(int columns, int cluster) => new(columns, TransposeB: false, Residual: false, Single: false, cluster);
}
