using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of convolutions and their input gradients on Hopper: rows are pixels, the inner index runs over taps and input
/// channels. Blocks are persistent: a warpgroup copies operands ahead, across the border of tiles, while two multiply.
/// </summary>
/// <remarks>
/// A tile's pixels are a box (<see cref="PixelBox"/>); a tap is the same box shifted, so padding costs nothing. Blocks of a cluster
/// have boxes next to each other and the same columns, hence the same weights, which each brings a part of for all. A residual
/// comes through the same ring as the operands, as further steps; so does a shortcut, a 1x1 convolution of other images that is part of the
/// same sum. Where tiles are few, <see cref="WgmmaShared"/> takes their place. The order of all sums depends on the shapes and the number of multiprocessors alone.
/// </remarks>
internal static partial class WgmmaConvolution
{
    /// <summary>A swizzled operand whose rows are 128 bytes, eight rows 1024 apart; what else depends on the form is added.</summary>
    internal const long Descriptor = (1L << 62) | (64L << 32);

    /// <summary>The kernel.</summary>
    /// <param name="maps">
    /// Tensor maps of x, weight, y, residual, the further source, and with a shortcut its sources and its weight; 128 bytes each.
    /// </param>
    /// <param name="stores">Bytes from there to the map of y in which the first column of tiles is stored.</param>
    /// <param name="storeStep">
    /// Bytes from the map of a column of tiles to the next's: 0 where tiles end with a chunk, else each has one that ends where its tiles do,
    /// since a chunk is stored whole and what lies beyond is another tile's.
    /// </param>
    /// <param name="y">Address of the output, used where it is fp32.</param>
    /// <param name="bias">Address of the bias.</param>
    /// <param name="alpha">Factor of the product and the bias.</param>
    /// <param name="beta">Factor of the residual.</param>
    /// <param name="biasedRows">Pixels, from the first, that take the bias.</param>
    /// <param name="columns">Output channels.</param>
    /// <param name="n">Images.</param>
    /// <param name="h">Height.</param>
    /// <param name="w">Width.</param>
    /// <param name="widthLog">Logarithm of the box's width.</param>
    /// <param name="heightLog">Logarithm of the box's height.</param>
    /// <param name="across">Boxes side by side.</param>
    /// <param name="down">Boxes one below another.</param>
    /// <param name="rowTiles">Boxes in all, divided by the cluster's size and rounded up.</param>
    /// <param name="columnTiles">Tiles along the output channels.</param>
    /// <param name="tileColumns">Columns of a tile.</param>
    /// <param name="radius">0 for one tap, 1 for nine.</param>
    /// <param name="direction">1 for the convolution; -1 for the input gradient, whose taps point the other way.</param>
    /// <param name="slices">Steps of 64 channels for each tap.</param>
    /// <param name="firstSlices">How many of them x has; the others are a further source's, whose channels follow those of x.</param>
    /// <param name="stages">Steps that shared memory holds.</param>
    /// <param name="stageBytes">Bytes of a step's operands in shared memory.</param>
    /// <param name="arrivingBytes">Bytes of a step's operands that copies bring.</param>
    /// <param name="transposed">Whether the weights' columns are contiguous, not their inner index.</param>
    /// <param name="chunks">Chunks of 64 columns.</param>
    /// <param name="single">Whether the output is fp32.</param>
    /// <param name="residual">Whether there is a residual in bf16.</param>
    /// <param name="cluster">Blocks that bring the weights for each other.</param>
    /// <param name="shortcutSlices">Steps of 64 channels of the shortcut; 0 for none.</param>
    /// <param name="shortcutFirstSlices">How many of them its first source has.</param>
    /// <param name="shortcutBias">Bytes from the bias to that of the shortcut.</param>
    internal static void Convolve(
        long maps, int stores, int storeStep, long y, long bias, float alpha, float beta, int biasedRows, int columns, int n, int h, int w, int widthLog, int heightLog,
        int across, int down, int rowTiles, int columnTiles, int tileColumns, int radius, int direction, int slices, int firstSlices,
        int stages, int stageBytes, int arrivingBytes, int transposed, int chunks, int single, int residual, int cluster,
        int shortcutSlices, int shortcutFirstSlices, long shortcutBias)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@keepBias %0;", shortcutBias);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = (shared + 1023) & ~1023;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127;
        int rank = Grid.IdxX % cluster, steps = (2 * radius + 1) * (2 * radius + 1) * slices + shortcutSlices, staging = shared + stages * stageBytes;
        CopyRing ring = default;
        ring.Start = shared;
        ring.PlaceBytes = stageBytes;
        ring.Places = stages;
        ring.Full = staging + (single != 0 ? 0 : 4 * WgmmaTile.ChunkBytes);
        ring.Empty = ring.Full + stages * AsyncBarrier.Bytes;
        int tickets = ring.Full + WgmmaTile.BarrierBytes, number = 0;
        if (thread == 0)
        {
            TensorCopy.Prefetch(maps);
            TensorCopy.Prefetch(maps + 128L);
            TensorCopy.Prefetch(maps + 256L);
            ring.Initialise(2 * cluster);
            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        if (cluster > 1)
            AsyncBarrier.ClusterSync(); // nobody may reach into a block that has not begun
        CudaAsm.Emit(PtxSource.Wait); // so far nothing has been read that a launch before may have written
        int convolved = steps - shortcutSlices;
        int tiles = rowTiles * columnTiles, stride = Grid.DimX / cluster;
        if (warpgroup == 2)
        {
            CudaAsm.Emit(WgmmaTile.FewRegisters);
            if (lane == 0)
            {
                ring.Phase = 1; // nothing has been filled yet: the wait for an empty place passes at once
                for (int tile = Grid.IdxX / cluster; tile < tiles; tile += stride)
                {
                    int columnTile = TileColumn(tile, rowTiles, columnTiles), column = columnTile * tileColumns, tap = 0;
                    BoxPlace box = BoxPlace.Of(TileRow(tile, rowTiles, columnTiles) * cluster + rank, across, down, widthLog, heightLog);
                    // Where the tile lies, for those who multiply: divisions would keep them from storing it.
                    AsyncBarrier.Wait(ring.EmptyBarrier, ring.Phase);
                    CudaAsm.Emit("st.shared.v4.b32 [%0], {%1, %2, %3, %4};", Ticket(tickets, number++), box.W, box.H, box.N, columnTile);
                    for (int r = -radius; r <= radius; r++)
                        for (int s = -radius; s <= radius; s++)
                        {
                            for (int slice = 0; slice < slices; slice++)
                                CopyStep(
                                    ref ring, slice < firstSlices ? maps : maps + 512L, slice < firstSlices ? slice : slice - firstSlices, box.W + s * direction,
                                    box.H + r * direction, box.N, maps + 128L, column, slice, tap, rank, arrivingBytes);
                            tap++;
                        }

                    for (int slice = 0; slice < shortcutSlices; slice++)
                        CopyStep(
                            ref ring, slice < shortcutFirstSlices ? maps + 640L : maps + 768L, slice < shortcutFirstSlices ? slice : slice - shortcutFirstSlices,
                            box.W, box.H, box.N, maps + 896L, column, slice, 0, rank, arrivingBytes);
                    if (residual != 0)
                        CopyResidual(ref ring, maps + 384L, column, chunks, box, widthLog, heightLog);
                }
            }
        }
        else
        {
            CudaAsm.Emit(WgmmaTile.ManyRegisters);
            long formOfB = Descriptor | (transposed != 0 ? 512L << 16 : 1L << 16);
            Output output = default;
            output.Maps = maps + stores;
            output.Y = y;
            output.Bias = bias;
            output.Alpha = alpha;
            output.Beta = beta;
            output.BiasedRows = biasedRows;
            output.Columns = columns;
            output.Lane = lane;
            output.Warpgroup = warpgroup;
            output.Staging = staging + warpgroup * 2 * WgmmaTile.ChunkBytes;
            output.Row = ((lane >> 5) << 4) + ((lane & 31) >> 2);
            output.Pair = (lane & 3) << 1;
            output.Point = Output.PointOf(lane);
            output.Single = single;
            for (int tile = Grid.IdxX / cluster; tile < tiles; tile += stride)
            {
                int previous = 0, slice = 0, ticket = Ticket(tickets, number++), columnTile = 0;
                BoxPlace box = default;
                CudaAsm.Emit("@@clear;");
                for (int step = 0; step < steps; step++)
                {
                    AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                    long a = At(Descriptor | (1L << 16), ring.Address + warpgroup * WgmmaTile.ChunkBytes);
                    long b = At(formOfB, ring.Address + 2 * WgmmaTile.ChunkBytes);
                    slice++;
                    int last = slice == slices && step < convolved ? 1 : 0;
                    slice = last != 0 ? 0 : slice;
                    CudaAsm.Emit("@@multiply %0, %1, %2;", a, b, last);
                    if (step == 0) // what the copying thread wrote before the step's bytes arrived; read in the shadow of the products
                    {
                        CudaAsm.Emit("ld.shared.b32 %0, [%1];", out box.W, ticket);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 4];", out box.H, ticket);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 8];", out box.N, ticket);
                        CudaAsm.Emit("ld.shared.b32 %0, [%1 + 12];", out columnTile, ticket);
                    }

                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (step > 0)
                        Release(previous, lane, cluster);
                    previous = ring.EmptyBarrier;
                    ring.Advance();
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(previous, lane, cluster);
                int column = columnTile * tileColumns;
                output.SetRows(box, n, h, w, widthLog, heightLog);
                output.Map = output.Maps + columnTile * (long)storeStep;
                if (residual != 0)
                    AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                CudaAsm.Emit("@@beginTile;");
                StoreFirstPair(output, column, chunks, ring.Address);
                if (chunks > 2)
                {
                    if (residual != 0)
                    {
                        Release(ring.EmptyBarrier, lane, cluster);
                        ring.Advance();
                        AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                    }

                    StoreSecondPair(output, column + 128, chunks - 2, ring.Address);
                }

                if (residual != 0)
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

    /// <summary>Brings the operands of a step, 64 channels of pixels and of weights, when a place of the ring is empty.</summary>
    private static void CopyStep(
        ref CopyRing ring, long images, int slice, int w, int h, int n, long weights, int column, int innerSlice, int tap, int rank, int bytes)
    {
        AsyncBarrier.Wait(ring.EmptyBarrier, ring.Phase);
        AsyncBarrier.Expect(ring.FullBarrier, bytes);
        TensorCopy.LoadImages(ring.Address, images, slice * 64, w, h, n, ring.FullBarrier);
        CudaAsm.Emit(
            "@@loadB %0, %1, %2, %3, %4, %5, %6;", ring.Address + 2 * WgmmaTile.ChunkBytes, weights, ring.FullBarrier, column, innerSlice * 64, tap, rank);
        ring.Advance();
    }

    /// <summary>Brings a tile's residual, two chunks of 64 columns a step, each in two halves of 64 rows.</summary>
    private static void CopyResidual(ref CopyRing ring, long map, int column, int chunks, BoxPlace box, int widthLog, int heightLog)
    {
        BoxPlace second = box.Half(1, widthLog, heightLog);
        for (int chunk = 0; chunk < chunks; chunk += 2)
        {
            int c = column + 64 * chunk;
            AsyncBarrier.Wait(ring.EmptyBarrier, ring.Phase);
            AsyncBarrier.Expect(ring.FullBarrier, (chunk + 1 < chunks ? 4 : 2) * WgmmaTile.ChunkBytes);
            TensorCopy.LoadImages(ring.Address, map, c, box.W, box.H, box.N, ring.FullBarrier);
            TensorCopy.LoadImages(ring.Address + WgmmaTile.ChunkBytes, map, c, second.W, second.H, second.N, ring.FullBarrier);
            if (chunk + 1 < chunks)
            {
                TensorCopy.LoadImages(ring.Address + 2 * WgmmaTile.ChunkBytes, map, c + 64, box.W, box.H, box.N, ring.FullBarrier);
                TensorCopy.LoadImages(ring.Address + 3 * WgmmaTile.ChunkBytes, map, c + 64, second.W, second.H, second.N, ring.FullBarrier);
            }

            ring.Advance();
        }
    }

    /// <summary>Address of a tile's ticket.</summary>
    private static int Ticket(int tickets, int number) => tickets + (number & (WgmmaTile.Tickets - 1)) * WgmmaTile.TicketBytes;

    /// <summary>A descriptor of an operand's form, pointed at its address in shared memory.</summary>
    internal static long At(long form, int address) => form + ((address & 0x3FFFF) >> 4);

    /// <summary>The next place of a ring.</summary>
    internal static int Next(int place, int places) => place + 1 == places ? 0 : place + 1;

    /// <summary>A warpgroup has read a place of the ring: in every block of the cluster, since each one's copies reach all.</summary>
    internal static void Release(int barrier, int lane, int cluster)
    {
        if (cluster > 1)
            AsyncBarrier.ArriveEach(barrier, lane, cluster);
        else
            AsyncBarrier.ArriveFirst(barrier, lane);
    }

    /// <summary>Tiles follow one another in groups of eight rows, so that those at work at a time share rows and columns in the cache.</summary>
    private static int TileRow(int tile, int rowTiles, int columnTiles)
    {
        int group = tile / (8 * columnTiles), rows = IntrinsicMath.Min(8, rowTiles - 8 * group);
        return 8 * group + (tile - 8 * group * columnTiles) % rows;
    }

    private static int TileColumn(int tile, int rowTiles, int columnTiles)
    {
        int group = tile / (8 * columnTiles), rows = IntrinsicMath.Min(8, rowTiles - 8 * group);
        return (tile - 8 * group * columnTiles) / rows;
    }
}
