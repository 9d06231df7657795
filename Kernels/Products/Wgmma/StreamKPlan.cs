namespace TrigFlowNative.Kernels;

/// <summary>
/// Division of a weight gradient among blocks. Tiles are output channels by chunks (64 input channels at a tap); a k-iteration is a box of pixels. One block
/// each computes the tiles that fill the device evenly, wave after wave. Fewer tiles than blocks are left; of these, k falls into equal splits, one for each
/// block, which work on the same pixels at the same time. Blocks without a split share the iterations that belong to none, so that all blocks end together.
/// </summary>
/// <param name="Tile">The tile.</param>
/// <param name="Box">The box of pixels of an iteration.</param>
/// <param name="Iterations">k-iterations of a tile: the number of boxes.</param>
/// <param name="MTiles">Tiles along the output channels.</param>
/// <param name="NTiles">Tiles along taps and input channels.</param>
/// <param name="Blocks">Blocks of the grid.</param>
/// <param name="WholeTiles">See <see cref="StreamKSchedule"/>.</param>
/// <param name="Splits">See <see cref="StreamKSchedule"/>.</param>
/// <param name="SplitIterations">See <see cref="StreamKSchedule"/>.</param>
/// <param name="RemainderIterations">See <see cref="StreamKSchedule"/>.</param>
internal sealed record StreamKPlan(
    WgmmaGradientTile Tile, PixelBox Box, int Iterations, int MTiles, int NTiles, int Blocks, int WholeTiles, int Splits, int SplitIterations, int RemainderIterations)
{
    /// <summary>Width of a tile, and the time of its k-iterations in microseconds on an H200 at full clock.</summary>
    private static readonly (int Columns, double Step)[] Widths = [(256, 0.72), (192, 0.63), (128, 0.50), (64, 0.34)];

    /// <summary>Bytes that a block stores in a microsecond while all do; bytes that memory delivers in a microsecond; microseconds of a further launch.</summary>
    private const double StoredBytes = 40e3, LoadedBytes = 3.6e6, Launch = 4;

    /// <summary>Maximum number of tiles that take turns at the sums of dy.</summary>
    private const int MaxBiasTiles = 8;

    /// <summary>Maximum number of iterations beyond an even share that are tried for a split: the remaining blocks spend more time on stores.</summary>
    private const int MaxUneven = 16;

    /// <summary>Number of all tiles.</summary>
    public int Tiles => MTiles * NTiles;

    /// <summary>Number of tiles that blocks share.</summary>
    public int SharedTiles => Tiles - WholeTiles;

    /// <summary>Buffers for the partial sums of a shared tile; 1 if no tile is shared.</summary>
    public int Slots => Math.Max(1, Enumerable.Range(0, SharedTiles).Select(Shares.SlotsOf).DefaultIfEmpty().Max());

    /// <summary>Number of tiles that take turns at summing dy for the gradient of a bias. If no tile is shared, one tile does it all and needs no further launch.</summary>
    public int BiasTiles => SharedTiles == 0 ? 1 : Math.Min(MaxBiasTiles, NTiles);

    /// <summary>The plan in the form that kernels take.</summary>
    public StreamKSchedule Schedule => Shares with { Slots = Slots, BiasTiles = BiasTiles };

    /// <summary>Number of elements in the partial sums of all shared tiles.</summary>
    public int PartialCount => checked(SharedTiles * Slots * WgmmaTile.Rows * Tile.Columns);

    private StreamKSchedule Shares => new()
    {
        Tiles = new() { MTiles = MTiles, NTiles = NTiles, TileN = Tile.Columns },
        WholeTiles = WholeTiles,
        Iterations = Iterations,
        Splits = Splits,
        SplitIterations = SplitIterations,
        RemainderIterations = RemainderIterations,
    };

    /// <summary>Number of elements in the partial sums of dy.</summary>
    public int BiasCount(int outputs) => SharedTiles == 0 ? 0 : BiasTiles * Slots * outputs;

    /// <summary>The kernel's argument without addresses, factors and flags to add.</summary>
    /// <param name="e">Extents.</param>
    /// <param name="firstChannels">Channels of the first source of x.</param>
    public WeightGradientArguments Arguments(ConvExtents e, int firstChannels) => new()
    {
        Boxes = Box.Grid(e),
        Schedule = Schedule,
        Taps = new() { Radius = e.R / 2, Direction = 1, Chunks = Ceiling(e.C, 64), FirstChunks = Ceiling(firstChannels, 64) },
        K = e.K,
        Chunks = Tile.Chunks,
        Stages = Tile.Stages,
        StageBytes = Tile.StageBytes,
    };

    /// <summary>The argument of <see cref="WgmmaGradientSum"/> without addresses, factors and flags to add.</summary>
    public GradientSumArguments SumArguments(ConvExtents e) => new()
    {
        Schedule = Schedule,
        TileBlocks = SharedTiles * WgmmaGradientSum.BlocksOfTile(Tile.Columns, Slots),
        Sharers = WgmmaGradientSum.Sharers(Slots),
        K = e.K,
        C = e.C,
        Taps = e.Taps,
    };

    /// <summary>Returns the plan whose slowest block ends first.</summary>
    public static StreamKPlan Of(ConvExtents e, int multiprocessors)
    {
        double loads = 2.0 * e.Pixels * (e.C + e.K) / LoadedBytes;
        return Candidates(e, multiprocessors).MinBy(plan => plan.Time(loads))!;
    }

    /// <summary>Estimates the time of the plan in microseconds, without the launch.</summary>
    /// <param name="loads">Microseconds that memory takes to deliver the operands.</param>
    public double Time(double loads)
    {
        double step = Widths.First(width => width.Columns == Tile.Columns).Step, tileBytes = sizeof(float) * WgmmaTile.Rows * Tile.Columns, store = tileBytes / StoredBytes;
        double whole = Ceiling(WholeTiles, Blocks) * (Iterations * step + store);
        if (SharedTiles == 0)
            return Math.Max(whole, loads + store);
        int left = Iterations - Splits * SplitIterations;
        double split = SplitIterations * step + store;
        double remainder = RemainderIterations == 0 ? 0 : RemainderIterations * step + Math.Min(SharedTiles, RemainderIterations / left + 2) * store;
        return Math.Max(whole + Math.Max(split, remainder), loads + store) + Launch + SharedTiles * Slots * tileBytes / LoadedBytes;
    }

    private static IEnumerable<StreamKPlan> Candidates(ConvExtents e, int multiprocessors)
    {
        var box = PixelBox.Covering(e, WgmmaTile.Depth);
        int iterations = box.Count(e), mTiles = Ceiling(e.K, WgmmaTile.Rows), chunks = e.Taps * Ceiling(e.C, 64);
        foreach ((int columns, _) in Widths)
        {
            var tile = new WgmmaGradientTile(columns);
            int nTiles = Ceiling(chunks, tile.Chunks), tiles = mTiles * nTiles, shared = tiles % multiprocessors;
            yield return new StreamKPlan(tile, box, iterations, mTiles, nTiles, Math.Min(tiles, multiprocessors), tiles, 0, 0, 0);
            for (int splits = 1; shared > 0 && splits <= Math.Min(multiprocessors / shared, iterations); splits++)
            {
                int blocks = splits * shared, others = multiprocessors - blocks, even = Ceiling(shared * iterations, multiprocessors);
                var plan = new StreamKPlan(
                    tile, box, iterations, mTiles, nTiles, tiles > shared ? multiprocessors : blocks, tiles - shared, splits, Ceiling(iterations, splits), 0);
                if (splits > 1 && (splits - 1) * plan.SplitIterations < iterations)
                    yield return plan;
                for (int split = even; others > 0 && split < even + MaxUneven && splits * split < iterations; split++)
                    yield return plan with { Blocks = multiprocessors, SplitIterations = split, RemainderIterations = Ceiling(shared * (iterations - splits * split), others) };
            }
        }
    }

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}
