using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of <see cref="WgmmaConvolution"/> for few tiles (split-K within a cluster): the blocks of a cluster share the k-iterations of one tile,
/// and each adds and stores its own part of the columns.
/// </summary>
/// <remarks>
/// Every block leaves its sums of the whole tile in its shared memory; when all have, each reads the sums of its columns from all others. A block
/// begins with its own sums and goes around the cluster, so that no two blocks read from one at the same time; hence the order of sums depends on the
/// column alone. One block's time is the whole kernel's, so weights are prefetched into L2 before the previous launch has ended, and a block needs so
/// little shared memory that blocks of the next launch fit beside it.
/// </remarks>
internal static class ClusterSplitKConvolution
{
    /// <summary>The kernel.</summary>
    [PtxEntry]
    internal static void Convolve(ConvolutionArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@keepApart %0, %1;", arguments.Epilogue.ProjectionBias, arguments.Epilogue.Residual);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = WgmmaBlock.Align(shared);
        long maps = arguments.Maps;
        TapChunks taps = arguments.Taps;
        BoxGrid boxes = arguments.Boxes;
        EpilogueArguments epilogue = arguments.Epilogue;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127, splits = arguments.Cluster;
        int tile = Grid.IdxX / splits, rank = Grid.IdxX - tile * splits, mTile = tile / arguments.Tiles.NTiles;
        int column = (tile - mTile * arguments.Tiles.NTiles) * arguments.Tiles.TileN;
        int convolved = taps.Width * taps.Width * taps.Chunks, iterations = convolved + arguments.ProjectionChunks;
        int begin = iterations * rank / splits, end = iterations * (rank + 1) / splits;
        Pixel origin = boxes.Origin(mTile);
        int barriers = shared + arguments.Stages * arguments.StageBytes, exchange = barriers + WgmmaTile.BarrierBytes;
        CopyPipeline pipeline = CopyPipeline.At(shared, arguments.Stages, arguments.StageBytes, barriers);
        if (thread == ClusterSplitKTile.Producer)
        {
            TensorCopy.Prefetch(maps + ConvolutionMaps.X);
            TensorCopy.Prefetch(maps + ConvolutionMaps.Weight);
            pipeline.Initialise(2);
            AsyncBarrier.FenceInitialisation();
            for (int iteration = begin; iteration < end; iteration++)
            {
                // The prefetch yields no values, so the previous launch may still be writing the weights.
                bool projection = iteration >= convolved;
                int tap = projection ? 0 : iteration / taps.Chunks, chunk = projection ? iteration - convolved : iteration - tap * taps.Chunks;
                CudaAsm.Emit("@@prefetchB %0, %1, %2, %3;", projection ? maps + ConvolutionMaps.ProjectionWeight : maps + ConvolutionMaps.Weight, column, chunk * 64, tap);
            }
        }

        Group.Barrier();
        CudaAsm.Emit(PtxSource.Wait);
        if (warpgroup == 2)
        {
            if (thread == ClusterSplitKTile.Producer)
            {
                pipeline.StartProducing();
                KIteration step = default;
                step.N = column;
                step.Weights = maps + ConvolutionMaps.Weight;
                int tap = begin / taps.Chunks, chunk = begin - tap * taps.Chunks;
                for (int iteration = begin; iteration < end && iteration < convolved; iteration++)
                {
                    int r = taps.Radius * ((tap * 11) >> 5), s = tap - 3 * r; // a third of the tap's number
                    bool first = chunk < taps.FirstChunks;
                    step.Images = first ? maps + ConvolutionMaps.X : maps + ConvolutionMaps.XSkip;
                    step.At.C = (first ? chunk : chunk - taps.FirstChunks) * 64;
                    step.At.W = origin.W + (s - taps.Radius) * taps.Direction;
                    step.At.H = origin.H + (r - taps.Radius) * taps.Direction;
                    step.At.N = origin.N;
                    step.K = chunk * 64;
                    step.Tap = tap;
                    step.Copy(ref pipeline, 0, arguments.ArrivingBytes);
                    chunk++;
                    tap += chunk == taps.Chunks ? 1 : 0;
                    chunk = chunk == taps.Chunks ? 0 : chunk;
                }

                step.Weights = maps + ConvolutionMaps.ProjectionWeight;
                step.Tap = 0;
                for (int iteration = IntrinsicMath.Max(begin, convolved); iteration < end; iteration++)
                {
                    chunk = iteration - convolved;
                    bool first = chunk < arguments.FirstProjectionChunks;
                    step.Images = first ? maps + ConvolutionMaps.ProjectionX : maps + ConvolutionMaps.ProjectionXSkip;
                    step.At = origin.Channel((first ? chunk : chunk - arguments.FirstProjectionChunks) * 64);
                    step.K = chunk * 64;
                    step.Copy(ref pipeline, 0, arguments.ArrivingBytes);
                }
            }

            AsyncBarrier.ClusterSync(); // until all have left their sums
            AsyncBarrier.ClusterSync(); // until all have read them
        }
        else
        {
            int row = (warpgroup << 6) + ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1, own = column + rank * arguments.BlockN;
            Pixel low = boxes.Row(origin, row), high = boxes.Row(origin, row + 8);
            int lowPixel = boxes.Number(low), highPixel = boxes.Number(high);
            float lowBiased = lowPixel < epilogue.BiasedRows ? 1f : 0f, highBiased = highPixel < epilogue.BiasedRows ? 1f : 0f;
            int elementLog = 1 + epilogue.Fp32Output;
            long lowAt = epilogue.Y + (((long)lowPixel * epilogue.Columns + own + pair) << elementLog);
            long highAt = epilogue.Y + (((long)highPixel * epilogue.Columns + own + pair) << elementLog);
            int left = IntrinsicMath.Min(epilogue.Columns, column + arguments.Tiles.TileN) - own;
            CudaAsm.Emit("@@inside %0, %1, %2;", left, boxes.Contains(low), boxes.Contains(high));
            CudaAsm.Emit("@@fetchBias %0, %1, %2;", epilogue.Bias + (long)(own + pair) * 4, lowBiased, highBiased);
            CudaAsm.Emit("@@fetchResidual %0, %1;", lowAt, highAt);
            long formOfB = taps.Direction < 0 ? WgmmaOperand.AcrossRows : WgmmaOperand.AlongRows;
            int previous = 0; // empty barrier of the stage whose products may still be running
            CudaAsm.Emit("@@clear;");
            for (int iteration = begin; iteration < end; iteration++)
            {
                pipeline.WaitFull();
                long a = WgmmaOperand.At(WgmmaOperand.AlongRows, pipeline.Address + warpgroup * WgmmaBlock.ChunkBytes);
                long b = WgmmaOperand.At(formOfB, pipeline.Address + 2 * WgmmaBlock.ChunkBytes);
                CudaAsm.Emit("@@multiply %0, %1;", a, b);
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                if (iteration > begin)
                    CopyPipeline.Release(previous, lane);
                previous = pipeline.EmptyBarrier;
                pipeline.Advance();
            }

            CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
            int mine = exchange + 16 * thread;
            CudaAsm.Emit("@@leaveSums %0;", mine);
            AsyncBarrier.ClusterSync();
            CudaAsm.Emit("@@gatherSums %0, %1;", mine + rank * arguments.BlockN * ClusterSplitKTile.ColumnBytes, rank);
            CudaAsm.Emit("barrier.cluster.arrive.release;");
            CudaAsm.Emit("@@store %0, %1, %2, %3, %4, %5;", lowAt, highAt, epilogue.Alpha, epilogue.Beta, lowBiased, highBiased);
            CudaAsm.Emit("barrier.cluster.wait.acquire;"); // a block must not end while another reads its sums
        }
    }
}
