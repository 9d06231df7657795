namespace TrigFlowNative.Kernels;

/// <summary>How a weight gradient is split: the tile, the number of partial sums (split-K), and the pixels of each.</summary>
/// <param name="Tile">The tile.</param>
/// <param name="Parts">Number of partial sums.</param>
/// <param name="Span">Pixels of each but the last, a multiple of <see cref="MmaTile.Depth"/>.</param>
internal sealed record MmaPixelSplit(MmaTile Tile, int Parts, int Span)
{
    /// <summary>Most partial sums: more would spend more on writing and summing them than an idle multiprocessor costs.</summary>
    private const int MaxParts = 64;

    /// <summary>
    /// Steps of 32 pixels that take as long as starting a block, filling its stages, storing its sums and summing them later:
    /// with the largest tile 128 KiB are written and read again, in the time of some 24 steps, and the rest takes some 8.
    /// </summary>
    private const int Overhead = 32;

    /// <summary>The same where the sums are the gradient, written once.</summary>
    private const int WholeOverhead = 16;

    /// <summary>The split that should take the least time; the first of equals, which writes least.</summary>
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
