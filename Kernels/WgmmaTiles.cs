namespace TrigFlowNative.Kernels;

/// <summary>Which tile a product gets.</summary>
internal static class WgmmaTiles
{
    /// <summary>Width of a tile and the time of a step in units of that of 256 columns.</summary>
    public static readonly (int Columns, double Step)[] Widths = [(256, 1.0), (192, 0.78), (128, 0.58), (64, 0.42)];

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
