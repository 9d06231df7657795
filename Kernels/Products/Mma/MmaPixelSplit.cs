namespace TrigFlowNative.Kernels;

/// <summary>Split-K of a weight gradient: the tile, the number of partial sums, and the pixels of each.</summary>
/// <param name="Tile">The tile.</param>
/// <param name="Parts">Number of partial sums.</param>
/// <param name="Span">Pixels of each partial sum but the last, a multiple of <see cref="MmaTile.Depth"/>.</param>
internal sealed record MmaPixelSplit(MmaTile Tile, int Parts, int Span)
{
    /// <summary>Maximum number of partial sums: writing and adding more would cost more than idle multiprocessors do.</summary>
    private const int MaxParts = 64;

    /// <summary>
    /// Fixed cost of a block in steps of 32 pixels: starting it, filling its stages, storing its sums and adding them later. With the largest tile
    /// 128 KiB are written and read again, in the time of about 24 steps; the rest takes about 8.
    /// </summary>
    private const int Overhead = 32;

    /// <summary>Fixed cost of a block whose sums are the gradient, written once.</summary>
    private const int WholeOverhead = 16;

    /// <summary>Returns the split that should take the least time; among equals the first, which writes the least.</summary>
    public static MmaPixelSplit Of(ConvExtents e, int multiprocessors)
    {
        int steps = Steps(e.Pixels);
        return (
            from tile in MmaTile.All
            from parts in Enumerable.Range(1, Math.Min(MaxParts, steps))
            let span = (steps + parts - 1) / parts
            let blocks = e.Taps * tile.Count(e.K, e.C) * ((steps + span - 1) / span)
            let time = MmaTile.Waves(blocks, multiprocessors) * (span + (span >= steps ? WholeOverhead : Overhead)) * tile.Rows * tile.Columns / tile.Rate
            orderby time
            select new MmaPixelSplit(tile, (steps + span - 1) / span, span * MmaTile.Depth)).First();
    }

    /// <summary>The kernel's argument without addresses and factor.</summary>
    public MmaWeightGradientArguments Arguments(ConvExtents e) => new()
    {
        Problem = MmaProblem.Of(e),
        Tile = Tile.Shape,
        Span = Span,
        StepLines = MmaTile.Depth / e.W % e.H,
        StepColumns = MmaTile.Depth % e.W,
    };

    private static int Steps(int pixels) => (pixels + MmaTile.Depth - 1) / MmaTile.Depth;
}
