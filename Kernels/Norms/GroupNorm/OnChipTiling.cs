using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>How the kernels on the chip divide a bf16 activation: into tiles of channels held in shared memory, so that each element is read once.</summary>
/// <remarks>
/// <para>
/// Bound: memory. A dual forward pass moves 8 bytes for each primal element, a backward pass 6, and either takes some 25
/// instructions for them; one more pass over x would cost a third of the speed. So a block reads its part of a tile, the whole
/// groups of one image, into shared memory with 16-byte asynchronous copies, sums, and writes from there.
/// </para>
/// <para>
/// In flight: memory at 3 TB/s with a latency near 700 ns wants some 16 KB under way for each of 132 multiprocessors, a few
/// times that to ride out the phases in which a block calculates or writes. Tiles of 64 KB let three blocks share a
/// multiprocessor, smaller ones five to ten: 160 to 190 KB, of which about a third is loading.
/// </para>
/// <para>
/// Sectors: a tile is whole 32-byte sectors of a pixel where the groups allow it, two of them on Hopper; the copies ask for
/// the 128-byte line in L2, which the neighbouring tile, the next block, reads at the same time. A tile that does not fit is
/// divided over the blocks of a cluster, which add up each other's sums; so is one of a few images, to occupy all multiprocessors.
/// </para>
/// </remarks>
/// <param name="Vectors">Runs of 8 channels, 16 bytes, in a tile.</param>
/// <param name="Rows">Pixels that the threads of a block take at once: one thread for each run of each.</param>
/// <param name="Cluster">Blocks that share an image's tile, each with consecutive pixels.</param>
/// <param name="Steps">Times that a block takes <paramref name="Rows"/> pixels.</param>
internal readonly record struct OnChipTiling(int Vectors, int Rows, int Cluster, int Steps)
{
    /// <summary>Channels in a run.</summary>
    public const int VectorChannels = 8;

    /// <summary>Sums that a thread publishes at a time; there are up to twice as many.</summary>
    public const int SumsAtOnce = 8;

    /// <summary>Tables of a number a channel: pivot, four coefficients, four weights, and two of the tangent or of the statistics.</summary>
    public const int Tables = 11;

    private const int VectorBytes = 16, Warp = 32;

    /// <summary>
    /// A pixel of a tile is whole sectors. Two of them are worth a cluster on Hopper: 165 instead of 197 us forward with tangent and 145
    /// instead of 172 us backward at (256, 32, 32, 256) on an H200.
    /// </summary>
    private const int SectorBytes = 32, GoodBytes = 2 * SectorBytes;
    private const int MaxThreads = 256, MaxThreadsOfOddTiles = 512, MaxVectors = 32;

    /// <summary>Three blocks with such a tile, their sums and tables share the 228 KB of a multiprocessor.</summary>
    private const int LargeTile = 64 << 10;

    /// <summary>In smaller tiles a block's fixed cost, about ten barriers, shows.</summary>
    private const int SmallTile = 16 << 10;

    /// <summary>Fewest pixels of a thread: registers allow some 900 threads on a multiprocessor, whose tiles should fill shared memory.</summary>
    private const int PixelsOfThreads = 8;

    /// <summary>The same where blocks are so few that the kernel takes as long as one of them.</summary>
    private const int PixelsOfFewThreads = 4;

    private const int MaxPortableCluster = 8;
    private const int SharedBytesOfMultiprocessor = 228 << 10, BlockBytes = 1 << 10; // the driver reserves some for each block
    private const int Registers = 1 << 16, MinRegisters = 64;
    private const int HopperSharedBytes = 227 << 10, AmpereSharedBytes = 99 << 10; // limits of a block on every GPU of the generation

    /// <summary>Threads in a block.</summary>
    public int Threads => Vectors * Rows;

    /// <summary>Logarithm to base 2 of <see cref="Cluster"/>.</summary>
    public int ClusterBits => int.Log2(Cluster);

    /// <summary>Channels of a tile.</summary>
    public int Channels => Vectors * VectorChannels;

    /// <summary>
    /// The tiling of an activation, the same forward, with or without tangent, and backward, so that the primal's bits depend on neither; null if
    /// only the portable kernels can serve.
    /// </summary>
    /// <param name="x">(N, H, W, C) in bf16.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="hopper">Whether there are clusters, and the shared memory of sm_90.</param>
    /// <param name="multiprocessors">Multiprocessors of the GPU.</param>
    public static OnChipTiling? For(Shape x, int groups, bool hopper, int multiprocessors)
    {
        int pixels = x.H * x.W, groupChannels = x.C / groups;
        if (x.C % VectorChannels != 0 || groupChannels % 2 != 0) // sums are kept for pairs of channels
            return null;
        int width = groupChannels;
        while (width % VectorChannels != 0)
            width += groupChannels;
        int least = hopper ? GoodBytes : SectorBytes;
        while (x.C % (2 * width) == 0 && (Bytes(width) < least || Bytes(width) % SectorBytes != 0))
            width *= 2;
        if (x.C % width != 0 || width > MaxVectors * VectorChannels)
            return null;

        int cluster = 1, most = hopper ? MaxPortableCluster : 1;
        while (cluster < most && Footprint(width, pixels, cluster) > LargeTile)
            cluster *= 2;
        while (x.C % (2 * width) == 0 && 2 * width <= MaxVectors * VectorChannels && Blocks(x, 2 * width, cluster) >= 4 * multiprocessors
            && Footprint(2 * width, pixels, cluster) <= (Bytes(2 * width) <= GoodBytes ? LargeTile : SmallTile))
            width *= 2;
        while (cluster < most && Blocks(x, width, cluster) < multiprocessors && Footprint(width, pixels, cluster) >= SmallTile)
            cluster *= 2;

        int each = Blocks(x, width, cluster) >= 4 * multiprocessors ? PixelsOfThreads : PixelsOfFewThreads;
        OnChipTiling tiling = Divided(width / VectorChannels, (pixels + cluster - 1) / cluster, cluster, each);
        return tiling.Threads <= MaxThreadsOfOddTiles && tiling.SharedBytes(tiles: 2) <= (hopper ? HopperSharedBytes : AmpereSharedBytes) ? tiling : null;
    }

    /// <summary>Shared memory of a block: tiles, sums on their way, sums of the block and of the cluster, tables.</summary>
    /// <param name="tiles">2 with a tangent or a cotangent beside x.</param>
    public int SharedBytes(int tiles) =>
        TileBytes(tiles) + sizeof(float) * (SumsAtOnce * Threads + 4 * SumsAtOnce * Vectors + Tables * Channels);

    /// <summary>Blocks that shared memory allows on a multiprocessor of Hopper, but not so many that threads have fewer than 64 registers.</summary>
    /// <param name="tiles">2 with a tangent or a cotangent beside x.</param>
    public int ResidentBlocks(int tiles) =>
        Math.Max(1, Math.Min(SharedBytesOfMultiprocessor / (SharedBytes(tiles) + BlockBytes), Registers / MinRegisters / Threads));

    /// <summary>Shared memory of one or two tiles.</summary>
    public int TileBytes(int tiles) => tiles * Steps * Threads * VectorBytes;

    private static OnChipTiling Divided(int vectors, int pixels, int cluster, int each)
    {
        int rows = SumsAtOnce;
        while (vectors * rows % Warp != 0)
            rows *= 2;
        while (2 * vectors * rows <= MaxThreads && 2 * rows * each <= pixels)
            rows *= 2;
        return new OnChipTiling(vectors, rows, cluster, (pixels + rows - 1) / rows);
    }

    private static int Footprint(int channels, int pixels, int cluster) => (pixels + cluster - 1) / cluster * channels * 4; // two tiles, 2 bytes an element

    private static int Bytes(int channels) => 2 * channels;

    private static int Blocks(Shape x, int channels, int cluster) => x.N * (x.C / channels) * cluster;
}
