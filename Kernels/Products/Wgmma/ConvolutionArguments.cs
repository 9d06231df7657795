namespace TrigFlowNative.Kernels;

/// <summary>
/// The argument of the kernels of a convolution or its input gradient on wgmma, <see cref="WgmmaConvolution"/> and
/// <see cref="ClusterSplitKConvolution"/>: a matrix product whose m runs over pixels, n over output channels, and k over taps and input channels, 64 an iteration.
/// </summary>
internal struct ConvolutionArguments
{
    /// <summary>Address of the tensor maps, see <see cref="ConvolutionMaps"/>.</summary>
    public long Maps;

    /// <summary>The epilogue.</summary>
    public EpilogueArguments Epilogue;

    /// <summary>The boxes of pixels; an m tile is one.</summary>
    public BoxGrid Boxes;

    /// <summary>The output's tiles. Where blocks bring weights for each other, an m tile is a box for each of them.</summary>
    public TileGrid Tiles;

    /// <summary>Columns that a block stores: those of a tile, or its part of them where blocks share a tile.</summary>
    public int BlockN;

    /// <summary>The taps.</summary>
    public TapChunks Taps;

    /// <summary>Chunks of 64 channels of the projection shortcut, 0 for none, and how many of them its first source has.</summary>
    public int ProjectionChunks, FirstProjectionChunks;

    /// <summary>Stages of shared memory, bytes of a stage, and those of them that copies bring.</summary>
    public int Stages, StageBytes, ArrivingBytes;

    /// <summary>Blocks of a cluster.</summary>
    public int Cluster;
}

/// <summary>A filter's taps, and the input channels of each, cut into chunks of 64.</summary>
internal struct TapChunks
{
    /// <summary>0 for one tap, 1 for nine.</summary>
    public int Radius;

    /// <summary>1 for the convolution; -1 for the input gradient, whose taps point the other way and whose weights have n contiguous, not k.</summary>
    public int Direction;

    /// <summary>Chunks of a tap, and how many of them the first source has; the others are the second source's, whose channels follow.</summary>
    public int Chunks, FirstChunks;

    /// <summary>Taps along an axis.</summary>
    public readonly int Width => 2 * Radius + 1;
}

/// <summary>The epilogue of a convolution: y = alpha (sum + bias) + beta residual.</summary>
internal struct EpilogueArguments
{
    /// <summary>Address of the output.</summary>
    public long Y;

    /// <summary>Address of the bias, fp32.</summary>
    public long Bias;

    /// <summary>Bytes from the bias to that of the projection shortcut, which is added to it.</summary>
    public long ProjectionBias;

    /// <summary>Bytes from the output to the residual, for a kernel that loads it without a tensor map.</summary>
    public long Residual;

    /// <summary>Address of the tensor map of y through which the first n tile is stored.</summary>
    public long StoreMaps;

    /// <summary>Factor of the sum and the bias.</summary>
    public float Alpha;

    /// <summary>Factor of the residual.</summary>
    public float Beta;

    /// <summary>Pixels, from the first, that take the bias: the primal's.</summary>
    public int BiasedRows;

    /// <summary>Output channels.</summary>
    public int Columns;

    /// <summary>1 for an output in fp32, 0 in bf16.</summary>
    public int Fp32Output;

    /// <summary>1 where the pipeline also brings a residual in bf16.</summary>
    public int HasResidual;

    /// <summary>
    /// Bytes from an n tile's map to the next's: 0 where tiles end with a chunk, else each has a map that ends where its tiles do, since a chunk
    /// is stored whole and what lies beyond is another tile's.
    /// </summary>
    public int StoreStep;

    /// <summary>Chunks of 64 columns of a tile, the last perhaps partly used.</summary>
    public int Chunks;
}
