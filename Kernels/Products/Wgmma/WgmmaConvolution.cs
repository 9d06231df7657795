using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of convolutions and their input gradients on wgmma: m runs over pixels, n over output channels, k over taps and input channels.
/// Blocks are persistent: a producer warpgroup copies operands ahead, across the border of tiles, while two consumer warpgroups multiply.
/// </summary>
/// <remarks>
/// An m tile is a box of pixels (<see cref="PixelBox"/>); a tap is the same box shifted, so padding costs nothing. The blocks of a cluster have
/// neighbouring boxes and the same n tile, hence the same weights, of which each block copies a part for all. A residual passes through the same
/// pipeline as the operands, in further stages; so does a projection shortcut, a 1x1 convolution of other images that is part of the same sum. For
/// few tiles, <see cref="ClusterSplitKConvolution"/> takes over. The order of all sums depends on the shapes and the number of multiprocessors alone.
/// </remarks>
internal static partial class WgmmaConvolution
{
    /// <summary>The kernel.</summary>
    [PtxEntry]
    internal static void Convolve(ConvolutionArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@keepBias %0;", arguments.Epilogue.ProjectionBias);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = WgmmaBlock.Align(shared);
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127, cluster = arguments.Cluster;
        long maps = arguments.Maps;
        TapChunks taps = arguments.Taps;
        BoxGrid boxes = arguments.Boxes;
        int rank = Grid.IdxX % cluster, iterations = taps.Width * taps.Width * taps.Chunks + arguments.ProjectionChunks;
        int staging = shared + arguments.Stages * arguments.StageBytes;
        int barriers = staging + (arguments.Epilogue.Fp32Output != 0 ? 0 : 4 * WgmmaBlock.ChunkBytes), workTiles = barriers + WgmmaTile.BarrierBytes, number = 0;
        CopyPipeline pipeline = CopyPipeline.At(shared, arguments.Stages, arguments.StageBytes, barriers);
        if (thread == 0)
        {
            TensorCopy.Prefetch(maps + ConvolutionMaps.X);
            TensorCopy.Prefetch(maps + ConvolutionMaps.Weight);
            TensorCopy.Prefetch(maps + ConvolutionMaps.Y);
            pipeline.Initialise(2 * cluster);
            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        if (cluster > 1)
            AsyncBarrier.ClusterSync(); // no block may write to another before that has begun
        CudaAsm.Emit(PtxSource.Wait); // up to here nothing was read that the previous launch may have written
        int convolved = iterations - arguments.ProjectionChunks;
        int tiles = arguments.Tiles.Count, stride = Grid.DimX / cluster;
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@releaseRegisters;");
            if (lane == 0)
            {
                pipeline.StartProducing();
                for (int tile = Grid.IdxX / cluster; tile < tiles; tile += stride)
                {
                    int nTile = arguments.Tiles.N(tile), tap = 0;
                    Pixel origin = boxes.Origin(arguments.Tiles.M(tile) * cluster + rank);
                    KIteration step = default;
                    step.N = nTile * arguments.Tiles.TileN;
                    // The tile's position, for the consumers: computing it by divisions would delay their stores.
                    pipeline.WaitEmpty();
                    CudaAsm.Emit("st.shared.v4.b32 [%0], {%1, %2, %3, %4};", WorkTile(workTiles, number++), origin.W, origin.H, origin.N, nTile);
                    step.Weights = maps + ConvolutionMaps.Weight;
                    for (int r = -taps.Radius; r <= taps.Radius; r++)
                        for (int s = -taps.Radius; s <= taps.Radius; s++)
                        {
                            for (int chunk = 0; chunk < taps.Chunks; chunk++)
                            {
                                step.Images = chunk < taps.FirstChunks ? maps + ConvolutionMaps.X : maps + ConvolutionMaps.XSkip;
                                step.At.C = (chunk < taps.FirstChunks ? chunk : chunk - taps.FirstChunks) * 64;
                                step.At.W = origin.W + s * taps.Direction;
                                step.At.H = origin.H + r * taps.Direction;
                                step.At.N = origin.N;
                                step.K = chunk * 64;
                                step.Tap = tap;
                                step.Copy(ref pipeline, rank, arguments.ArrivingBytes);
                            }

                            tap++;
                        }

                    step.Weights = maps + ConvolutionMaps.ProjectionWeight;
                    step.Tap = 0;
                    for (int chunk = 0; chunk < arguments.ProjectionChunks; chunk++)
                    {
                        bool first = chunk < arguments.FirstProjectionChunks;
                        step.Images = first ? maps + ConvolutionMaps.ProjectionX : maps + ConvolutionMaps.ProjectionXSkip;
                        step.At = origin.Channel((first ? chunk : chunk - arguments.FirstProjectionChunks) * 64);
                        step.K = chunk * 64;
                        step.Copy(ref pipeline, rank, arguments.ArrivingBytes);
                    }

                    if (arguments.Epilogue.HasResidual != 0)
                        CopyResidual(ref pipeline, arguments, origin, step.N);
                }
            }
        }
        else
        {
            CudaAsm.Emit("@@takeRegisters;");
            long formOfB = taps.Direction < 0 ? WgmmaOperand.AcrossRows : WgmmaOperand.AlongRows;
            Epilogue epilogue = default;
            epilogue.Begin(arguments.Epilogue, lane, warpgroup, staging);
            for (int tile = Grid.IdxX / cluster; tile < tiles; tile += stride)
            {
                int chunk = 0, workTile = WorkTile(workTiles, number++), nTile = 0;
                Pixel origin = default;
                int previous = 0; // empty barrier of the stage whose products may still be running
                CudaAsm.Emit("@@clear;");
                for (int iteration = 0; iteration < iterations; iteration++)
                {
                    pipeline.WaitFull();
                    long a = WgmmaOperand.At(WgmmaOperand.AlongRows, pipeline.Address + warpgroup * WgmmaBlock.ChunkBytes);
                    long b = WgmmaOperand.At(formOfB, pipeline.Address + 2 * WgmmaBlock.ChunkBytes);
                    chunk++;
                    int last = chunk == taps.Chunks && iteration < convolved ? 1 : 0;
                    chunk = last != 0 ? 0 : chunk;
                    CudaAsm.Emit("@@multiply %0, %1, %2;", a, b, last);
                    if (iteration == 0) // the producer wrote it before the stage's bytes arrived; it is read while the products run
                    {
                        CudaAsm.Emit("ld.shared.b32 %0, [%1];", out origin.W, workTile);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 4];", out origin.H, workTile);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 8];", out origin.N, workTile);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 12];", out nTile, workTile);
                    }

                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (iteration > 0)
                        CopyPipeline.Release(previous, lane, cluster);
                    previous = pipeline.EmptyBarrier;
                    pipeline.Advance();
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                CopyPipeline.Release(previous, lane, cluster);
                int column = nTile * arguments.Tiles.TileN;
                epilogue.Turn(origin, boxes);
                epilogue.Map = epilogue.Arguments.StoreMaps + nTile * (long)epilogue.Arguments.StoreStep;
                if (epilogue.Arguments.HasResidual != 0)
                    pipeline.WaitFull();
                CudaAsm.Emit("@@beginTile;");
                StorePair(epilogue, 0, column, pipeline.Address);
                if (epilogue.Arguments.Chunks > 2)
                {
                    if (epilogue.Arguments.HasResidual != 0)
                    {
                        CopyPipeline.Release(pipeline.EmptyBarrier, lane, cluster);
                        pipeline.Advance();
                        pipeline.WaitFull();
                    }

                    StorePair(epilogue, 1, column, pipeline.Address);
                }

                if (epilogue.Arguments.HasResidual != 0)
                {
                    CopyPipeline.Release(pipeline.EmptyBarrier, lane, cluster);
                    pipeline.Advance();
                }
            }

            TensorCopy.WaitForStores();
        }

        if (cluster > 1)
            AsyncBarrier.ClusterSync(); // a block must not end while another still copies into it or arrives at its barriers
    }

    /// <summary>Copies a tile's residual, two chunks of 64 columns into each stage, in two halves of 64 rows.</summary>
    private static void CopyResidual(ref CopyPipeline pipeline, ConvolutionArguments arguments, Pixel origin, int column)
    {
        int chunks = arguments.Epilogue.Chunks;
        long map = arguments.Maps + ConvolutionMaps.Residual;
        Pixel second = arguments.Boxes.Half(origin, 1);
        for (int chunk = 0; chunk < chunks; chunk += 2)
        {
            int c = column + 64 * chunk;
            pipeline.AcquireEmpty((chunk + 1 < chunks ? 4 : 2) * WgmmaBlock.ChunkBytes);
            TensorCopy.LoadImages(pipeline.Address, map, origin.Channel(c), pipeline.FullBarrier);
            TensorCopy.LoadImages(pipeline.Address + WgmmaBlock.ChunkBytes, map, second.Channel(c), pipeline.FullBarrier);
            if (chunk + 1 < chunks)
            {
                TensorCopy.LoadImages(pipeline.Address + 2 * WgmmaBlock.ChunkBytes, map, origin.Channel(c + 64), pipeline.FullBarrier);
                TensorCopy.LoadImages(pipeline.Address + 3 * WgmmaBlock.ChunkBytes, map, second.Channel(c + 64), pipeline.FullBarrier);
            }

            pipeline.Advance();
        }
    }

    /// <summary>Returns the address of one of a block's work tiles in shared memory, by its number.</summary>
    private static int WorkTile(int workTiles, int number) => workTiles + (number & (WgmmaTile.WorkTiles - 1)) * WgmmaTile.WorkTileBytes;
}
