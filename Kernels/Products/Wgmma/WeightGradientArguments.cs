using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The argument of the kernel of a weight gradient on wgmma, <see cref="WgmmaWeightGradient"/>: a matrix product whose m runs over output channels, n
/// over taps and input channels, and k over pixels, with a box of 64 pixels in an iteration.
/// </summary>
internal struct WeightGradientArguments
{
    /// <summary>Offsets of the tensor maps in bytes: dy, x, x's second source, the gradient (K, taps, C), and partial sums, if there are any.</summary>
    public const long DyMap = 0, XMap = TensorMap.Bytes, XSkipMap = 2 * TensorMap.Bytes, GradientMap = 3 * TensorMap.Bytes, PartialsMap = 4 * TensorMap.Bytes;

    /// <summary>Number of tensor maps.</summary>
    public const int MapCount = 5;

    /// <summary>Address of the tensor maps.</summary>
    public long Maps;

    /// <summary>Address of the sums of dy (bias tiles, slots, K), fp32, or, if there is only one of them, of the gradient of a bias; 0 for none.</summary>
    public long BiasSums;

    /// <summary>The boxes of pixels.</summary>
    public BoxGrid Boxes;

    /// <summary>Division of the tiles among blocks; a k-iteration is a box.</summary>
    public StreamKSchedule Schedule;

    /// <summary>The taps; a chunk of a tap is 64 columns of the gradient.</summary>
    public TapChunks Taps;

    /// <summary>Output channels.</summary>
    public int K;

    /// <summary>Chunks of an n tile.</summary>
    public int Chunks;

    /// <summary>Stages of the pipeline; bytes of a stage.</summary>
    public int Stages, StageBytes;

    /// <summary>Factor of the gradient, and of the sums of dy.</summary>
    public float Alpha, BiasAlpha;

    /// <summary>1 to add to the gradient, and to the sums of dy; 0 to overwrite them.</summary>
    public int Add, BiasAdd;
}

/// <summary>The argument of <see cref="WgmmaGradientSum"/>.</summary>
internal struct GradientSumArguments
{
    /// <summary>Address of the partial sums (shared tiles, slots, 128, columns of a tile), fp32.</summary>
    public long Partials;

    /// <summary>Address of the sums of dy (bias tiles, slots, K), fp32.</summary>
    public long BiasSums;

    /// <summary>Address of the gradient (K, taps, C), fp32.</summary>
    public long Gradient;

    /// <summary>Address of the gradient of the bias (K), fp32.</summary>
    public long Bias;

    /// <summary>Division of the tiles among the blocks that computed partial sums.</summary>
    public StreamKSchedule Schedule;

    /// <summary>Number of blocks that sum tiles; the others sum for the bias.</summary>
    public int TileBlocks;

    /// <summary>Number of warps that share the partial sums of a tile: 1 or all.</summary>
    public int Sharers;

    /// <summary>Output channels, input channels, and taps of the filter.</summary>
    public int K, C, Taps;

    /// <summary>Factor of the gradients.</summary>
    public float Alpha;

    /// <summary>1 to add to the gradient, and to that of the bias; 0 to overwrite them.</summary>
    public int Add, BiasAdd;
}
