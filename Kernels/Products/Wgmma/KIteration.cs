using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The operands of one k-iteration of a convolution: 64 channels of a box of pixels, and the weights of these channels at a tap.</summary>
internal struct KIteration
{
    /// <summary>Addresses of the tensor maps.</summary>
    public long Images, Weights;

    /// <summary>Where the box of pixels begins, and at which channel.</summary>
    public ImageCoordinate At;

    /// <summary>The weights' first output channel, tap and first input channel.</summary>
    public int N, Tap, K;

    /// <summary>Brings the operands when the pipeline's current stage is empty.</summary>
    /// <param name="pipeline">The producer's pipeline, which goes on.</param>
    /// <param name="rank">Rank of the block in its cluster, where blocks bring weights for each other; else 0.</param>
    /// <param name="bytes">Bytes that arrive.</param>
    public readonly void Copy(ref CopyPipeline pipeline, int rank, int bytes)
    {
        pipeline.AcquireEmpty(bytes);
        TensorCopy.LoadImages(pipeline.Address, Images, At, pipeline.FullBarrier);
        CudaAsm.Emit("@@loadB %0, %1, %2, %3, %4, %5, %6;", pipeline.Address + 2 * WgmmaBlock.ChunkBytes, Weights, pipeline.FullBarrier, N, K, Tap, rank);
        pipeline.Advance();
    }
}
