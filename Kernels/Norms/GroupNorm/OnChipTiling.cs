using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Division of a bf16 activation for the kernels on the chip: into tiles of channels in shared memory, so that each element is read once.</summary>
/// <remarks>
/// <para>
/// Bound: memory. A dual forward pass moves 8 bytes for each primal element, a backward pass 6, and either takes some 25
/// instructions for them; one more pass over x would cost a third of the speed. So a block reads its part of a tile, the whole
/// groups of one image, into shared memory with 16-byte asynchronous copies, sums, and writes from there.
/// </para>
/// <para>
/// In flight: memory at 3 TB/s with a latency near 700 ns needs about 16 KB in flight for each of 132 multiprocessors, and a few times that to bridge
/// the phases in which a block calculates or writes. Tiles of 64 KB let three blocks share a multiprocessor, smaller ones five to ten: 160 to 190 KB,
/// of which about a third is being loaded.
/// </para>
/// <para>
/// Sectors: a tile is whole 32-byte sectors of a pixel where the groups allow it, two of them on Hopper; the copies ask for
/// the 128-byte line in L2, which the neighbouring tile, the next block, reads at the same time. A tile that does not fit is
/// divided over the blocks of a cluster, which add up each other's sums; so is one of a few images, to occupy all multiprocessors.
/// </para>
/// </remarks>
/// <param name="Vectors">Runs of 8 channels, 16 bytes, in a tile.</param>
/// <param name="Rows">Pixels that a block takes at once, one thread for each run of each pixel.</param>
/// <param name="Cluster">Blocks that share an image's tile, each with consecutive pixels.</param>
/// <param name="Steps">Times that a block takes <paramref name="Rows"/> pixels.</param>
internal readonly record struct OnChipTiling(int Vectors, int Rows, int Cluster, int Steps)
{
    /// <summary>Channels in a run.</summary>
    public const int VectorChannels = 8;

    /// <summary>Sums that a thread publishes at a time; it has at most twice as many.</summary>
    public const int SumsAtOnce = 8;

    /// <summary>Number of tables, each with a number for each channel: pivot, four coefficients, four weights, and two for the tangent or the statistics.</summary>
    public const int Tables = 11;

    private const int VectorBytes = 16, Warp = 32;

    /// <summary>
    /// A pixel of a tile is whole sectors. To get two of them, a cluster pays on Hopper: 165 instead of 197 us forward with tangent and 145 instead
    /// of 172 us backward at (256, 32, 32, 256) on an H200.
    /// </summary>
    private const int SectorBytes = 32, GoodBytes = 2 * SectorBytes;
    private const int MaxThreads = 256, MaxThreadsOfOddTiles = 512, MaxVectors = 32;

    /// <summary>Three blocks with such a tile, their sums and tables share the 228 KB of a multiprocessor.</summary>
    private const int LargeTile = 64 << 10;

    /// <summary>In smaller tiles the fixed cost of a block, about ten barriers, dominates.</summary>
    private const int SmallTile = 16 << 10;

    /// <summary>Minimum number of pixels of a thread: registers allow about 900 threads on a multiprocessor, whose tiles should fill shared memory.</summary>
    private const int PixelsOfThreads = 8;

    /// <summary>The same if blocks are so few that the kernel takes as long as one of them.</summary>
    private const int PixelsOfFewThreads = 4;

    private const int MaxPortableCluster = 8;
    private const int SharedBytesOfMultiprocessor = 228 << 10, BlockBytes = 1 << 10; // the driver reserves some for each block
    private const int Registers = 1 << 16, MinRegisters = 64;
    private const int HopperSharedBytes = 227 << 10, AmpereSharedBytes = 99 << 10; // limits of a block on every GPU of the generation

    /// <summary>Threads in a block.</summary>
    public int Threads => Vectors * Rows;

    /// <summary>Base-2 logarithm of <see cref="Cluster"/>.</summary>
    public int ClusterBits => int.Log2(Cluster);

    /// <summary>Channels of a tile.</summary>
    public int Channels => Vectors * VectorChannels;

    /// <summary>
    /// Returns the tiling of an activation; null if only the portable kernels support it. It is the same forward, with or without tangent, and
    /// backward, so that the primal's bits depend on neither.
    /// </summary>
    /// <param name="x">(N, H, W, C) in bf16.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="hopper">Whether the GPU has clusters and the shared memory of sm_90.</param>
    /// <param name="multiprocessors">Multiprocessors of the GPU.</param>
    public static OnChipTiling? For(Shape x, int groups, bool hopper, int multiprocessors)
    {
        int pixels = x.H * x.W, groupChannels = x.C / groups;
        if (x.C % VectorChannels != 0 || groupChannels % 2 != 0) // sums are kept for pairs of channels
            return null;
        int width = groupChannels;
        while (width % VectorChannels != 0)
            width += groupChannels;
        int minBytes = hopper ? GoodBytes : SectorBytes;
        while (x.C % (2 * width) == 0 && (Bytes(width) < minBytes || Bytes(width) % SectorBytes != 0))
            width *= 2;
        if (x.C % width != 0 || width > MaxVectors * VectorChannels)
            return null;

        int cluster = 1, maxCluster = hopper ? MaxPortableCluster : 1;
        while (cluster < maxCluster && Footprint(width, pixels, cluster) > LargeTile)
            cluster *= 2;
        while (x.C % (2 * width) == 0 && 2 * width <= MaxVectors * VectorChannels && Blocks(x, 2 * width, cluster) >= 4 * multiprocessors
            && Footprint(2 * width, pixels, cluster) <= (Bytes(2 * width) <= GoodBytes ? LargeTile : SmallTile))
            width *= 2;
        while (cluster < maxCluster && Blocks(x, width, cluster) < multiprocessors && Footprint(width, pixels, cluster) >= SmallTile)
            cluster *= 2;

        int each = Blocks(x, width, cluster) >= 4 * multiprocessors ? PixelsOfThreads : PixelsOfFewThreads;
        OnChipTiling tiling = Divided(width / VectorChannels, (pixels + cluster - 1) / cluster, cluster, each);
        return tiling.Threads <= MaxThreadsOfOddTiles && tiling.SharedBytes(tiles: 2) <= (hopper ? HopperSharedBytes : AmpereSharedBytes) ? tiling : null;
    }

    /// <summary>Shared memory of a block in bytes: tiles, sums in exchange, sums of the block and of the cluster, tables.</summary>
    /// <param name="tiles">2 with a tangent or a cotangent beside x, otherwise 1.</param>
    public int SharedBytes(int tiles) =>
        TileBytes(tiles) + sizeof(float) * (SumsAtOnce * Threads + 4 * SumsAtOnce * Vectors + Tables * Channels);

    /// <summary>Number of blocks that a multiprocessor of Hopper holds by their shared memory, but not so many that threads get fewer than 64 registers.</summary>
    /// <param name="tiles">2 with a tangent or a cotangent beside x, otherwise 1.</param>
    public int ResidentBlocks(int tiles) =>
        Math.Max(1, Math.Min(SharedBytesOfMultiprocessor / (SharedBytes(tiles) + BlockBytes), Registers / MinRegisters / Threads));

    /// <summary>Shared memory of one or two tiles in bytes.</summary>
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
