namespace TrigFlowNative.Kernels;

/// <summary>
/// How a weight gradient is shared among blocks: tiles of output channels by chunks (64 input channels at a tap), and k-iterations, a box of pixels
/// each. Tiles that fill the device evenly are made by one block each, wave after wave. Of those that are left, fewer than blocks, k falls into
/// equal splits, a block each, which work on the same pixels at a time; blocks without a split share the iterations that are in none, so that all
/// end together.
/// </summary>
/// <param name="Tile">The tile.</param>
/// <param name="Box">The box of pixels of an iteration.</param>
/// <param name="Iterations">k-iterations: boxes in all.</param>
/// <param name="MTiles">Tiles along the output channels.</param>
/// <param name="NTiles">Tiles along taps and input channels.</param>
/// <param name="Blocks">Blocks of the grid.</param>
/// <param name="WholeTiles">As in <see cref="StreamKSchedule"/>, like the next three.</param>
/// <param name="Splits">See there.</param>
/// <param name="SplitIterations">See there.</param>
/// <param name="RemainderIterations">See there.</param>
internal sealed record StreamKPlan(
    WgmmaGradientTile Tile, PixelBox Box, int Iterations, int MTiles, int NTiles, int Blocks, int WholeTiles, int Splits, int SplitIterations, int RemainderIterations)
{
    /// <summary>Width of a tile and the time of its iterations, in microseconds on an H200 whose clock is not held back.</summary>
    private static readonly (int Columns, double Step)[] Widths = [(256, 0.72), (192, 0.63), (128, 0.50), (64, 0.34)];

    /// <summary>Bytes that a block stores in a microsecond while all do; bytes that memory yields in one; microseconds of a further launch.</summary>
    private const double StoredBytes = 40e3, LoadedBytes = 3.6e6, Launch = 4;

    /// <summary>Most tiles that take turns at the sums of dy.</summary>
    private const int MaxBiasTiles = 8;

    /// <summary>How many iterations beyond an even share are tried for a split: the remaining blocks spend more on stores.</summary>
    private const int MaxUneven = 16;

    /// <summary>Tiles in all.</summary>
    public int Tiles => MTiles * NTiles;

    /// <summary>Tiles that blocks share.</summary>
    public int SharedTiles => Tiles - WholeTiles;

    /// <summary>Room for the partial sums of a shared tile; 1 where there is none.</summary>
    public int Slots => Math.Max(1, Enumerable.Range(0, SharedTiles).Select(Shares.SlotsOf).DefaultIfEmpty().Max());

    /// <summary>Tiles that take turns at summing dy for the gradient of a bias; where no tile is shared one does it all, and needs no further launch.</summary>
    public int BiasTiles => SharedTiles == 0 ? 1 : Math.Min(MaxBiasTiles, NTiles);

    /// <summary>The plan in the form kernels take.</summary>
    public StreamKSchedule Schedule => Shares with { Slots = Slots, BiasTiles = BiasTiles };

    /// <summary>Numbers in the partial sums of all shared tiles.</summary>
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

    /// <summary>Numbers in the partial sums of dy.</summary>
    public int BiasCount(int outputs) => SharedTiles == 0 ? 0 : BiasTiles * Slots * outputs;

    /// <summary>The kernel's argument without addresses, factors and the choice to add.</summary>
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

    /// <summary>The argument of the kernel that adds partial sums up, without addresses, factors and the choice to add.</summary>
    public GradientSumArguments SumArguments(ConvExtents e) => new()
    {
        Schedule = Schedule,
        TileBlocks = SharedTiles * WgmmaGradientSum.BlocksOfTile(Tile.Columns, Slots),
        Sharers = WgmmaGradientSum.Sharers(Slots),
        K = e.K,
        C = e.C,
        Taps = e.Taps,
    };

    /// <summary>The plan whose slowest block ends first.</summary>
    public static StreamKPlan Of(ConvExtents e, int multiprocessors)
    {
        double loads = 2.0 * e.Pixels * (e.C + e.K) / LoadedBytes;
        return Candidates(e, multiprocessors).MinBy(plan => plan.Time(loads))!;
    }

    /// <summary>Microseconds that the plan should take, but for the launch.</summary>
    /// <param name="loads">Microseconds in which memory yields the operands.</param>
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
