using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The tensor maps of a convolution on wgmma: their offsets in bytes, and their encoding.</summary>
internal static class ConvolutionMaps
{
    /// <summary>Offsets of the maps of images, weights, output, residual, and the images' second source, whose channels follow.</summary>
    public const long X = 0, Weight = TensorMap.Bytes, Y = 2 * TensorMap.Bytes, Residual = 3 * TensorMap.Bytes, XSkip = 4 * TensorMap.Bytes;

    /// <summary>Offsets of a projection shortcut's maps: images, their second source, and weights.</summary>
    public const long ProjectionX = 5 * TensorMap.Bytes, ProjectionXSkip = 6 * TensorMap.Bytes, ProjectionWeight = 7 * TensorMap.Bytes;

    /// <summary>Number of maps without a projection shortcut, and with one; the maps of n tiles follow.</summary>
    public const int Plain = 5, WithProjection = 8;

    /// <summary>Encodes a map of images.</summary>
    /// <param name="target">Host address that receives the map.</param>
    /// <param name="images">(N, H, W, C), bf16.</param>
    /// <param name="e">Their extents.</param>
    /// <param name="box">Pixels of a copy, which has 64 channels.</param>
    /// <param name="end">Channel at which copies end; 0 for the last.</param>
    public static void EncodeImages(long target, Tensor images, ConvExtents e, PixelBox box, int end = 0)
    {
        int channels = images.Shape.C;
        TensorMap.Encode(
            (nint)target, (nint)images.Address, [end == 0 ? channels : end, e.W, e.H, e.N], [channels, (long)e.W * channels, (long)e.H * e.W * channels],
            [64, box.Width, box.Height, box.Images]);
    }

    /// <summary>Encodes a map of weights (input channels, taps, output channels).</summary>
    /// <param name="target">Host address that receives the map.</param>
    /// <param name="weight">(K, R, R, C), bf16.</param>
    /// <param name="firstChannel">Number of input channels to leave out, from the first on.</param>
    /// <param name="e">Extents.</param>
    /// <param name="box">Input and output channels of a copy.</param>
    public static void EncodeWeights(long target, Tensor weight, int firstChannel, ConvExtents e, (int C, int K) box) => TensorMap.Encode(
        (nint)target, (nint)weight.Address + 2 * firstChannel, [e.C - firstChannel, e.Taps, e.K], [e.C, (long)e.Taps * e.C], [box.C, 1, box.K]);

    /// <summary>Encodes a map of fp32 sums (columns, taps, rows), in boxes of 32 columns by 64 rows.</summary>
    public static void EncodeSums(long target, long address, int columns, int taps, int rows) => TensorMap.Encode(
        (nint)target, (nint)address, [columns, taps, rows], [columns, (long)taps * columns], [WgmmaGradientTile.PartColumns, 1, 64], DType.Float32);
}

/// <summary>The operands of one k-iteration of a convolution: 64 channels of a box of pixels, and the weights of these channels at a tap.</summary>
internal struct KIteration
{
    /// <summary>Addresses of the tensor maps.</summary>
    public long Images, Weights;

    /// <summary>First pixel of the box, and its first channel.</summary>
    public ImageCoordinate At;

    /// <summary>First output channel, tap and first input channel of the weights.</summary>
    public int N, Tap, K;

    /// <summary>Starts the copies of the operands when the pipeline's current stage is empty.</summary>
    /// <param name="pipeline">The producer's pipeline, which advances.</param>
    /// <param name="rank">Rank of the block in its cluster if blocks copy weights for each other; otherwise 0.</param>
    /// <param name="bytes">Bytes that arrive in the stage.</param>
    public readonly void Copy(ref CopyPipeline pipeline, int rank, int bytes)
    {
        pipeline.AcquireEmpty(bytes);
        TensorCopy.LoadImages(pipeline.Address, Images, At, pipeline.FullBarrier);
        CudaAsm.Emit("@@loadB %0, %1, %2, %3, %4, %5, %6;", pipeline.Address + 2 * WgmmaBlock.ChunkBytes, Weights, pipeline.FullBarrier, N, K, Tap, rank);
        pipeline.Advance();
    }
}
