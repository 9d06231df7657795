using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The argument of the kernel of a weight gradient on wgmma, <see cref="WgmmaWeightGradient"/>: a matrix product whose m runs over output channels, n over
/// taps and input channels, and k over pixels, a box of 64 an iteration.
/// </summary>
internal struct WeightGradientArguments
{
    /// <summary>The tensor maps, in bytes from the first: dy, x, x's second source, the gradient (K, taps, C), and partial sums where there are any.</summary>
    public const long DyMap = 0, XMap = TensorMap.Bytes, XSkipMap = 2 * TensorMap.Bytes, GradientMap = 3 * TensorMap.Bytes, PartialsMap = 4 * TensorMap.Bytes;

    /// <summary>How many there are.</summary>
    public const int MapCount = 5;

    /// <summary>Address of the tensor maps.</summary>
    public long Maps;

    /// <summary>Address of the sums of dy (bias tiles, slots, K), or of a bias's gradient where there is one of them, fp32; 0 for none.</summary>
    public long BiasSums;

    /// <summary>The boxes of pixels.</summary>
    public BoxGrid Boxes;

    /// <summary>How blocks share the tiles; a k-iteration is a box.</summary>
    public StreamKSchedule Schedule;

    /// <summary>The taps; a chunk of a tap is 64 columns of the gradient.</summary>
    public TapChunks Taps;

    /// <summary>Output channels.</summary>
    public int K;

    /// <summary>Chunks of an n tile.</summary>
    public int Chunks;

    /// <summary>Stages of shared memory and bytes of a stage.</summary>
    public int Stages, StageBytes;

    /// <summary>Factor of the gradient, and of the sums of dy.</summary>
    public float Alpha, BiasAlpha;

    /// <summary>1 to add to what the gradient, or the sums of dy, hold; 0 to overwrite it.</summary>
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

    /// <summary>How blocks have shared the tiles.</summary>
    public StreamKSchedule Schedule;

    /// <summary>Blocks that sum tiles; the others sum for the bias.</summary>
    public int TileBlocks;

    /// <summary>Warps that share the partial sums of a tile: 1 or all.</summary>
    public int Sharers;

    /// <summary>Output channels, input channels, and taps of the filter.</summary>
    public int K, C, Taps;

    /// <summary>Factor of the gradients.</summary>
    public float Alpha;

    /// <summary>1 to add to what the gradient, or that of the bias, holds; 0 to overwrite it.</summary>
    public int Add, BiasAdd;
}
