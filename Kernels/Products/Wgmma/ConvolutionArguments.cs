namespace TrigFlowNative.Kernels;

/// <summary>
/// The argument of the kernels of a convolution or its input gradient on wgmma, <see cref="WgmmaConvolution"/> and <see cref="ClusterSplitKConvolution"/>: a
/// matrix product whose m runs over pixels, n over output channels, and k over taps and input channels, with 64 k indices in an iteration.
/// </summary>
internal struct ConvolutionArguments
{
    /// <summary>Address of the tensor maps (<see cref="ConvolutionMaps"/>).</summary>
    public long Maps;

    /// <summary>The epilogue.</summary>
    public EpilogueArguments Epilogue;

    /// <summary>The boxes of pixels; an m tile is a box.</summary>
    public BoxGrid Boxes;

    /// <summary>The output's tiles. If the blocks of a cluster copy weights for each other, an m tile is one box for each of them.</summary>
    public TileGrid Tiles;

    /// <summary>Columns that a block stores: those of a tile, or its part of them if blocks share a tile.</summary>
    public int BlockN;

    /// <summary>The taps.</summary>
    public TapChunks Taps;

    /// <summary>Chunks of 64 channels of the projection shortcut, 0 for none; how many of them lie in its first source.</summary>
    public int ProjectionChunks, FirstProjectionChunks;

    /// <summary>Stages of the pipeline; bytes of a stage; bytes of a stage that copies fill.</summary>
    public int Stages, StageBytes, ArrivingBytes;

    /// <summary>Blocks of a cluster.</summary>
    public int Cluster;
}

/// <summary>The taps of a filter, and the input channels at each, in chunks of 64.</summary>
internal struct TapChunks
{
    /// <summary>0 for one tap, 1 for nine.</summary>
    public int Radius;

    /// <summary>1 for the convolution; -1 for the input gradient, whose taps have opposite shifts and whose weights are contiguous along n, not k.</summary>
    public int Direction;

    /// <summary>Chunks of a tap; how many of them lie in the first source. The others lie in the second source, whose channels follow.</summary>
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

    /// <summary>Address of the tensor map of y for the first n tile.</summary>
    public long StoreMaps;

    /// <summary>Factor of the sum with the bias.</summary>
    public float Alpha;

    /// <summary>Factor of the residual.</summary>
    public float Beta;

    /// <summary>Number of pixels that take the bias, from the first on: those of the primal.</summary>
    public int BiasedRows;

    /// <summary>Output channels.</summary>
    public int Columns;

    /// <summary>1 for an output in fp32, 0 in bf16.</summary>
    public int Fp32Output;

    /// <summary>1 if the pipeline also copies a residual in bf16.</summary>
    public int HasResidual;

    /// <summary>
    /// Bytes from an n tile's tensor map to the next. It is 0 if tiles end with a chunk; otherwise each tile has a map that ends where the tile does,
    /// since chunks are stored whole, and the columns beyond are those of another tile.
    /// </summary>
    public int StoreStep;

    /// <summary>Chunks of 64 columns of a tile, the last of which may be partly used.</summary>
    public int Chunks;
}
