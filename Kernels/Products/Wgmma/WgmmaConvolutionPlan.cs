using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>A convolution or its input gradient on wgmma without its tensors: boxes, tiles, and the argument of its kernel.</summary>
/// <param name="Extents">Extents; the images are those of x, or of dy for an input gradient.</param>
/// <param name="Tile">The tile, transposed for an input gradient.</param>
/// <param name="Columns">Output channels.</param>
/// <param name="FirstChannels">Channels of the first source of the images.</param>
internal sealed record WgmmaConvolutionPlan(ConvExtents Extents, WgmmaTile Tile, int Columns, int FirstChannels)
{
    /// <summary>Channels of a projection shortcut, and of its first source; 0 without one.</summary>
    public (int All, int First) Projection { get; init; }

    /// <summary>The box of pixels of a block.</summary>
    public PixelBox Box { get; } = PixelBox.Covering(Extents, WgmmaTile.Rows);

    /// <summary>Number of m tiles: boxes, in groups of the blocks of a cluster that copy weights for each other.</summary>
    public int MTiles => Ceiling(Box.Count(Extents), Tile.Cluster);

    /// <summary>Tiles along the output channels.</summary>
    public int NTiles => Ceiling(Columns, Tile.Columns);

    /// <summary>Whether every n tile is stored through a tensor map of its own.</summary>
    public bool HasStoreMaps => Tile.Splits == 1 && Tile.EndsWithinChunk(NTiles);

    /// <summary>Number of tensor maps before those of n tiles.</summary>
    public int InputMaps => Projection.All > 0 ? ConvolutionMaps.WithProjection : ConvolutionMaps.Plain;

    /// <summary>Number of blocks of the grid: persistent ones, or, if blocks share tiles, as many as that takes.</summary>
    public int Blocks(int multiprocessors) =>
        Tile.Splits > 1 ? MTiles * NTiles * Tile.Splits : Math.Min(multiprocessors / Tile.Cluster, MTiles * NTiles) * Tile.Cluster;

    /// <summary>The kernel's argument without addresses and without the factors of the epilogue.</summary>
    public ConvolutionArguments Arguments()
    {
        ClusterSplitKTile? split = Tile.Splits > 1 ? new ClusterSplitKTile(Tile) : null;
        return new()
        {
            Boxes = Box.Grid(Extents),
            Tiles = new() { MTiles = MTiles, NTiles = NTiles, TileN = Tile.Columns },
            BlockN = split?.BlockN ?? Tile.Columns,
            Taps = new()
            {
                Radius = Extents.R / 2,
                Direction = Tile.TransposeB ? -1 : 1,
                Chunks = Chunks(Tile.TransposeB ? Extents.K : Extents.C),
                FirstChunks = Chunks(FirstChannels),
            },
            ProjectionChunks = Chunks(Projection.All),
            FirstProjectionChunks = Chunks(Projection.First),
            Stages = split?.Stages ?? Tile.Stages,
            StageBytes = Tile.StageBytes,
            ArrivingBytes = 2 * WgmmaBlock.ChunkBytes + Tile.BytesOfB,
            Cluster = Tile.Cluster * Tile.Splits,
            Epilogue = new()
            {
                Columns = Columns,
                Fp32Output = Tile.Fp32Output ? 1 : 0,
                HasResidual = Tile.Residual ? 1 : 0,
                StoreStep = HasStoreMaps ? TensorMap.Bytes : 0,
                Chunks = Tile.Chunks,
            },
        };
    }

    private static int Chunks(int channels) => Ceiling(channels, WgmmaTile.Depth);

    private static int Ceiling(int extent, int part) => (extent + part - 1) / part;
}
