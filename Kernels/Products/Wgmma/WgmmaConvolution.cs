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
/// An m tile is a box of pixels (<see cref="PixelBox"/>); a tap is the same box shifted, so padding costs nothing. Blocks of a cluster have
/// neighbouring boxes and the same n tile, hence the same weights, of which each brings a part for all. A residual passes through the same
/// pipeline as the operands, in further stages; so does a projection shortcut, a 1x1 convolution of other images that is part of the same sum.
/// Where tiles are few, <see cref="ClusterSplitKConvolution"/> takes their place. The order of all sums depends on the shapes and the number of
/// multiprocessors alone.
/// </remarks>
internal static partial class WgmmaConvolution
{
    /// <summary>A swizzled operand whose rows are 128 bytes, eight rows 1024 apart; what else depends on the form is added.</summary>
    internal const long Descriptor = (1L << 62) | (64L << 32);

    /// <summary>The kernel.</summary>
    [PtxEntry]
    internal static void Convolve(ConvolutionArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@keepBias %0;", arguments.Epilogue.ProjectionBias);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = (shared + 1023) & ~1023;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127, cluster = arguments.Cluster;
        long maps = arguments.Maps;
        TapChunks taps = arguments.Taps;
        BoxGrid boxes = arguments.Boxes;
        int rank = Grid.IdxX % cluster, iterations = taps.Width * taps.Width * taps.Chunks + arguments.ProjectionChunks;
        int staging = shared + arguments.Stages * arguments.StageBytes;
        CopyRing ring = default;
        ring.Start = shared;
        ring.PlaceBytes = arguments.StageBytes;
        ring.Places = arguments.Stages;
        ring.Full = staging + (arguments.Epilogue.Fp32Output != 0 ? 0 : 4 * WgmmaTile.ChunkBytes);
        ring.Empty = ring.Full + ring.Places * AsyncBarrier.Bytes;
        int workTiles = ring.Full + WgmmaTile.BarrierBytes, number = 0;
        if (thread == 0)
        {
            TensorCopy.Prefetch(maps + ConvolutionMaps.X);
            TensorCopy.Prefetch(maps + ConvolutionMaps.Weight);
            TensorCopy.Prefetch(maps + ConvolutionMaps.Y);
            ring.Initialise(2 * cluster);
            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        if (cluster > 1)
            AsyncBarrier.ClusterSync(); // no block may reach into one that has not begun
        CudaAsm.Emit(PtxSource.Wait); // so far nothing has been read that a launch before may have written
        int convolved = iterations - arguments.ProjectionChunks;
        int tiles = arguments.Tiles.Count, stride = Grid.DimX / cluster;
        if (warpgroup == 2)
        {
            CudaAsm.Emit(WgmmaTile.FewRegisters);
            if (lane == 0)
            {
                ring.Phase = 1; // nothing has been filled yet: the wait for an empty stage passes at once
                for (int tile = Grid.IdxX / cluster; tile < tiles; tile += stride)
                {
                    int nTile = arguments.Tiles.N(tile), tap = 0;
                    Pixel origin = boxes.Origin(arguments.Tiles.M(tile) * cluster + rank);
                    KIteration step = default;
                    step.N = nTile * arguments.Tiles.TileN;
                    // Where the tile lies, for the consumers: divisions would keep them from storing it.
                    AsyncBarrier.Wait(ring.EmptyBarrier, ring.Phase);
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
                                step.Copy(ref ring, rank, arguments.ArrivingBytes);
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
                        step.Copy(ref ring, rank, arguments.ArrivingBytes);
                    }

                    if (arguments.Epilogue.HasResidual != 0)
                        CopyResidual(ref ring, arguments, origin, step.N);
                }
            }
        }
        else
        {
            CudaAsm.Emit(WgmmaTile.ManyRegisters);
            long formOfB = Descriptor | (taps.Direction < 0 ? 512L << 16 : 1L << 16);
            Epilogue epilogue = default;
            epilogue.Begin(arguments.Epilogue, lane, warpgroup, staging);
            for (int tile = Grid.IdxX / cluster; tile < tiles; tile += stride)
            {
                int previous = 0, chunk = 0, workTile = WorkTile(workTiles, number++), nTile = 0;
                Pixel origin = default;
                CudaAsm.Emit("@@clear;");
                for (int iteration = 0; iteration < iterations; iteration++)
                {
                    AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                    long a = At(Descriptor | (1L << 16), ring.Address + warpgroup * WgmmaTile.ChunkBytes);
                    long b = At(formOfB, ring.Address + 2 * WgmmaTile.ChunkBytes);
                    chunk++;
                    int last = chunk == taps.Chunks && iteration < convolved ? 1 : 0;
                    chunk = last != 0 ? 0 : chunk;
                    CudaAsm.Emit("@@multiply %0, %1, %2;", a, b, last);
                    if (iteration == 0) // what the producer wrote before the stage's bytes arrived; read in the shadow of the products
                    {
                        CudaAsm.Emit("ld.shared.b32 %0, [%1];", out origin.W, workTile);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 4];", out origin.H, workTile);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 8];", out origin.N, workTile);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 12];", out nTile, workTile);
                    }

                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (iteration > 0)
                        Release(previous, lane, cluster);
                    previous = ring.EmptyBarrier;
                    ring.Advance();
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(previous, lane, cluster);
                int column = nTile * arguments.Tiles.TileN;
                epilogue.Turn(origin, boxes);
                epilogue.Map = epilogue.Arguments.StoreMaps + nTile * (long)epilogue.Arguments.StoreStep;
                if (epilogue.Arguments.HasResidual != 0)
                    AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                CudaAsm.Emit("@@beginTile;");
                StoreFirstPair(epilogue, column, epilogue.Arguments.Chunks, ring.Address);
                if (epilogue.Arguments.Chunks > 2)
                {
                    if (epilogue.Arguments.HasResidual != 0)
                    {
                        Release(ring.EmptyBarrier, lane, cluster);
                        ring.Advance();
                        AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                    }

                    StoreSecondPair(epilogue, column + 128, epilogue.Arguments.Chunks - 2, ring.Address);
                }

                if (epilogue.Arguments.HasResidual != 0)
                {
                    Release(ring.EmptyBarrier, lane, cluster);
                    ring.Advance();
                }
            }

            TensorCopy.WaitForStores();
        }

        if (cluster > 1)
            AsyncBarrier.ClusterSync(); // a block must not end while another still copies into it or arrives at its barriers
    }

    /// <summary>Brings a tile's residual, two chunks of 64 columns a stage, each in two halves of 64 rows.</summary>
    private static void CopyResidual(ref CopyRing ring, ConvolutionArguments arguments, Pixel origin, int column)
    {
        int chunks = arguments.Epilogue.Chunks;
        long map = arguments.Maps + ConvolutionMaps.Residual;
        Pixel second = arguments.Boxes.Half(origin, 1);
        for (int chunk = 0; chunk < chunks; chunk += 2)
        {
            int c = column + 64 * chunk;
            AsyncBarrier.Wait(ring.EmptyBarrier, ring.Phase);
            AsyncBarrier.Expect(ring.FullBarrier, (chunk + 1 < chunks ? 4 : 2) * WgmmaTile.ChunkBytes);
            TensorCopy.LoadImages(ring.Address, map, origin.Channel(c), ring.FullBarrier);
            TensorCopy.LoadImages(ring.Address + WgmmaTile.ChunkBytes, map, second.Channel(c), ring.FullBarrier);
            if (chunk + 1 < chunks)
            {
                TensorCopy.LoadImages(ring.Address + 2 * WgmmaTile.ChunkBytes, map, origin.Channel(c + 64), ring.FullBarrier);
                TensorCopy.LoadImages(ring.Address + 3 * WgmmaTile.ChunkBytes, map, second.Channel(c + 64), ring.FullBarrier);
            }

            ring.Advance();
        }
    }

    /// <summary>Address of the place of a block's work tile, by how many it has had.</summary>
    private static int WorkTile(int workTiles, int number) => workTiles + (number & (WgmmaTile.WorkTiles - 1)) * WgmmaTile.WorkTileBytes;

    /// <summary>A descriptor of an operand's form, pointed at its address in shared memory.</summary>
    internal static long At(long form, int address) => form + ((address & 0x3FFFF) >> 4);

    /// <summary>The next place of a ring.</summary>
    internal static int Next(int place, int places) => place + 1 == places ? 0 : place + 1;

    /// <summary>A warpgroup has read a stage: in every block of the cluster, since each one's copies reach all.</summary>
    internal static void Release(int barrier, int lane, int cluster)
    {
        if (cluster > 1)
            AsyncBarrier.ArriveEach(barrier, lane, cluster);
        else
            AsyncBarrier.ArriveFirst(barrier, lane);
    }
}
