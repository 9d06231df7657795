using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of convolutions and their input gradients on Hopper: rows are pixels, the inner index runs over taps and input
/// channels. Blocks are persistent: a warpgroup copies operands ahead, across the border of tiles, while two multiply.
/// </summary>
/// <remarks>
/// A tile's pixels are a box (<see cref="PixelBox"/>); a tap is the same box shifted, so padding costs nothing. Blocks of a cluster
/// have boxes next to each other and the same columns, hence the same weights, which each brings a part of for all. A residual
/// comes through the same ring as the operands, as further steps; so does a shortcut, a 1x1 convolution of other images that is part of the
/// same sum. Where tiles are few, the blocks of a cluster share the steps of a
/// tile instead, and the first adds up. The order of all sums depends on the shapes and the number of multiprocessors alone.
/// </remarks>
internal static class WgmmaConvolution
{
    /// <summary>A swizzled operand whose rows are 128 bytes, eight rows 1024 apart; what else depends on the form is added.</summary>
    private const long Descriptor = (1L << 62) | (64L << 32);

    /// <summary>The kernel.</summary>
    /// <param name="maps">
    /// Tensor maps of x, weight, y, residual, the further source, and with a shortcut its sources and its weight; 128 bytes each.
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
    /// <param name="splits">Blocks that share the steps of a tile; then each block has one tile, and <paramref name="cluster"/> is 1.</param>
    /// <param name="shortcutSlices">Steps of 64 channels of the shortcut; 0 for none.</param>
    /// <param name="shortcutFirstSlices">How many of them its first source has.</param>
    /// <param name="shortcutBias">Bytes from the bias to that of the shortcut.</param>
    internal static void Convolve(
        long maps, long y, long bias, float alpha, float beta, int biasedRows, int columns, int n, int h, int w, int widthLog, int heightLog,
        int across, int down, int rowTiles, int columnTiles, int tileColumns, int radius, int direction, int slices, int firstSlices,
        int stages, int stageBytes, int arrivingBytes, int transposed, int chunks, int single, int residual, int cluster, int splits,
        int shortcutSlices, int shortcutFirstSlices, long shortcutBias)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@keepBias %0;", shortcutBias);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = (shared + 1023) & ~1023;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127;
        int blocks = cluster * splits, place = Grid.IdxX % blocks, rank = splits > 1 ? 0 : place;
        int steps = (2 * radius + 1) * (2 * radius + 1) * slices + shortcutSlices, firstStep = splits > 1 ? steps * place / splits : 0;
        int endStep = splits > 1 ? steps * (place + 1) / splits : steps;
        int staging = shared + stages * stageBytes, exchange = staging + (single != 0 ? 0 : 4 * WgmmaTile.ChunkBytes);
        int tileBytes = WgmmaTile.Rows * tileColumns * 4;
        int full = exchange + (splits - 1) * tileBytes, empty = full + stages * AsyncBarrier.Bytes;
        if (thread == 0)
        {
            for (int i = 0; i < stages; i++)
            {
                AsyncBarrier.Initialise(full + i * AsyncBarrier.Bytes, 1);
                AsyncBarrier.Initialise(empty + i * AsyncBarrier.Bytes, 2 * cluster);
            }

            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        if (blocks > 1)
            AsyncBarrier.ClusterSync(); // nobody may reach into a block that has not begun
        int tiles = rowTiles * columnTiles, stride = Grid.DimX / blocks, stage = 0;
        if (warpgroup == 2)
        {
            CudaAsm.Emit(WgmmaTile.FewRegisters);
            if (lane == 0)
            {
                int phase = 1; // nothing has been filled yet: the wait for an empty place passes at once
                for (int tile = Grid.IdxX / blocks; tile < tiles; tile += stride)
                {
                    int column = TileColumn(tile, rowTiles, columnTiles) * tileColumns;
                    int box = TileRow(tile, rowTiles, columnTiles) * cluster + rank;
                    int boxRow = box / across, w0 = (box - boxRow * across) << widthLog, group = boxRow / down, h0 = (boxRow - group * down) << heightLog;
                    int n0 = group << (7 - widthLog - heightLog);
                    int tap = 0, step = 0;
                    for (int r = -radius; r <= radius; r++)
                        for (int s = -radius; s <= radius; s++)
                        {
                            for (int slice = 0; slice < slices; slice++)
                            {
                                step++;
                                if (step <= firstStep || step > endStep)
                                    continue;
                                int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes;
                                AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                                AsyncBarrier.Expect(barrier, arrivingBytes);
                                int c = slice < firstSlices ? slice * 64 : (slice - firstSlices) * 64;
                                TensorCopy.LoadImages(target, slice < firstSlices ? maps : maps + 512L, c, w0 + s * direction, h0 + r * direction, n0, barrier);
                                CudaAsm.Emit("@@loadB %0, %1, %2, %3, %4, %5, %6;", target + 2 * WgmmaTile.ChunkBytes, maps + 128L, barrier, column, slice * 64, tap, rank);
                                stage = Next(stage, stages);
                                phase ^= stage == 0 ? 1 : 0;
                            }

                            tap++;
                        }

                    for (int slice = 0; slice < shortcutSlices; slice++)
                    {
                        step++;
                        if (step <= firstStep || step > endStep)
                            continue;
                        int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes;
                        AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                        AsyncBarrier.Expect(barrier, arrivingBytes);
                        int c = slice < shortcutFirstSlices ? slice * 64 : (slice - shortcutFirstSlices) * 64;
                        TensorCopy.LoadImages(target, slice < shortcutFirstSlices ? maps + 640L : maps + 768L, c, w0, h0, n0, barrier);
                        CudaAsm.Emit("@@loadB %0, %1, %2, %3, %4, %5, %6;", target + 2 * WgmmaTile.ChunkBytes, maps + 896L, barrier, column, slice * 64, 0, rank);
                        stage = Next(stage, stages);
                        phase ^= stage == 0 ? 1 : 0;
                    }

                    if (residual != 0 && (splits == 1 || place == 0))
                    {
                        // The second warpgroup's half of the box lies behind the first along the box's slowest axis.
                        int half = HalfAxis(widthLog, heightLog);
                        int w1 = w0 + (half == 0 ? 64 : 0), h1 = h0 + (half == 1 ? 1 << (heightLog - 1) : 0), n1 = n0 + (half == 2 ? 1 << (6 - widthLog - heightLog) : 0);
                        for (int chunk = 0; chunk < chunks; chunk += 2)
                        {
                            int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes, c = column + 64 * chunk;
                            AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                            AsyncBarrier.Expect(barrier, (chunk + 1 < chunks ? 4 : 2) * WgmmaTile.ChunkBytes);
                            TensorCopy.LoadImages(target, maps + 384L, c, w0, h0, n0, barrier);
                            TensorCopy.LoadImages(target + WgmmaTile.ChunkBytes, maps + 384L, c, w1, h1, n1, barrier);
                            if (chunk + 1 < chunks)
                            {
                                TensorCopy.LoadImages(target + 2 * WgmmaTile.ChunkBytes, maps + 384L, c + 64, w0, h0, n0, barrier);
                                TensorCopy.LoadImages(target + 3 * WgmmaTile.ChunkBytes, maps + 384L, c + 64, w1, h1, n1, barrier);
                            }

                            stage = Next(stage, stages);
                            phase ^= stage == 0 ? 1 : 0;
                        }
                    }
                }
            }

            if (splits > 1)
                AsyncBarrier.ClusterSync(); // with those that exchange sums
        }
        else
        {
            CudaAsm.Emit(WgmmaTile.ManyRegisters);
            int phase = 0;
            long formOfB = Descriptor | (transposed != 0 ? 512L << 16 : 1L << 16);
            // The row of this thread within its warpgroup's 64, and 8 further down; the swizzle moves 16-byte pieces by row % 8.
            int row = ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1;
            int line = (row << 7) + (pair << 1), swizzle = (row & 7) << 4;
            staging += warpgroup * 2 * WgmmaTile.ChunkBytes;
            for (int tile = Grid.IdxX / blocks; tile < tiles; tile += stride)
            {
                int previous = 0;
                CudaAsm.Emit("@@clear;");
                for (int step = firstStep; step < endStep; step++)
                {
                    AsyncBarrier.Wait(full + stage * AsyncBarrier.Bytes, phase);
                    int operand = shared + stage * stageBytes;
                    long a = At(Descriptor | (1L << 16), operand + warpgroup * WgmmaTile.ChunkBytes);
                    long b = At(formOfB, operand + 2 * WgmmaTile.ChunkBytes);
                    CudaAsm.Emit("@@multiply %0, %1;", a, b);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (step > firstStep)
                        Release(empty + previous * AsyncBarrier.Bytes, lane, cluster);
                    previous = stage;
                    stage = Next(stage, stages);
                    phase ^= stage == 0 ? 1 : 0;
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                Release(empty + previous * AsyncBarrier.Bytes, lane, cluster);
                if (splits > 1)
                {
                    if (place > 0)
                        CudaAsm.Emit("@@sendSums %0;", AsyncBarrier.AddressIn(0, exchange + (place - 1) * tileBytes + 16 * thread));
                    AsyncBarrier.ClusterSync();
                    if (place > 0)
                        break; // its part is done
                    for (int other = 0; other < splits - 1; other++)
                        CudaAsm.Emit("@@addSums %0;", exchange + other * tileBytes + 16 * thread);
                }

                int column = TileColumn(tile, rowTiles, columnTiles) * tileColumns;
                int box = TileRow(tile, rowTiles, columnTiles) * cluster + rank;
                int boxRow = box / across, w0 = (box - boxRow * across) << widthLog, group = boxRow / down, h0 = (boxRow - group * down) << heightLog;
                int n0 = group << (7 - widthLog - heightLog);
                int first = (warpgroup << 6) + row;
                int pw = w0 + (first & ((1 << widthLog) - 1)), ph = h0 + ((first >> widthLog) & ((1 << heightLog) - 1)), pn = n0 + (first >> (widthLog + heightLog));
                int low = (pn * h + ph) * w + pw;
                int lowInside = pw < w && ph < h && pn < n ? 1 : 0;
                int second = first + 8;
                pw = w0 + (second & ((1 << widthLog) - 1));
                ph = h0 + ((second >> widthLog) & ((1 << heightLog) - 1));
                pn = n0 + (second >> (widthLog + heightLog));
                int high = (pn * h + ph) * w + pw;
                int highInside = pw < w && ph < h && pn < n ? 1 : 0;
                float lowBiased = low < biasedRows ? 1f : 0f, highBiased = high < biasedRows ? 1f : 0f;
                long biasAt = bias + (long)(column + pair) * 4;
                if (single != 0)
                {
                    long lowAt = y + ((long)low * columns + column + pair) * 4, highAt = y + ((long)high * columns + column + pair) * 4;
                    CudaAsm.Emit("@@single0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt, highAt, biasAt, columns - column, lowBiased, highBiased, alpha, beta, lowInside, highInside);
                    CudaAsm.Emit("@@single1 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt + 256, highAt + 256, biasAt + 256, columns - column - 64, lowBiased, highBiased, alpha, beta, lowInside, highInside);
                    CudaAsm.Emit("@@single2 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt + 512, highAt + 512, biasAt + 512, columns - column - 128, lowBiased, highBiased, alpha, beta, lowInside, highInside);
                    CudaAsm.Emit("@@single3 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt + 768, highAt + 768, biasAt + 768, columns - column - 192, lowBiased, highBiased, alpha, beta, lowInside, highInside);
                }
                else
                {
                    int half = warpgroup * (HalfAxis(widthLog, heightLog) + 1); // 0 for the first warpgroup, else the axis + 1
                    int wStore = w0 + (half == 1 ? 64 : 0), hStore = h0 + (half == 2 ? 1 << (heightLog - 1) : 0), nStore = n0 + (half == 3 ? 1 << (6 - widthLog - heightLog) : 0);
                    int from = shared + stage * stageBytes + warpgroup * WgmmaTile.ChunkBytes + line;
                    CudaAsm.Emit("@@beginTile;");
                    BeginChunk(warpgroup);
                    if (residual != 0)
                        AsyncBarrier.Wait(full + stage * AsyncBarrier.Bytes, phase);
                    CudaAsm.Emit("@@rounded0 %0, %1, %2, %3, %4, %5, %6, %7, %8;", staging + line, swizzle, biasAt, columns - column, lowBiased, highBiased, alpha, beta, from);
                    EndChunk(lane, warpgroup, maps, staging, column, wStore, hStore, nStore);
                    if (chunks > 1)
                    {
                        BeginChunk(warpgroup);
                        CudaAsm.Emit("@@rounded1 %0, %1, %2, %3, %4, %5, %6, %7, %8;", staging + WgmmaTile.ChunkBytes + line, swizzle, biasAt + 256, columns - column - 64, lowBiased, highBiased, alpha, beta, from + 2 * WgmmaTile.ChunkBytes);
                        EndChunk(lane, warpgroup, maps, staging + WgmmaTile.ChunkBytes, column + 64, wStore, hStore, nStore);
                    }

                    if (residual != 0)
                    {
                        Release(empty + stage * AsyncBarrier.Bytes, lane, cluster);
                        stage = Next(stage, stages);
                        phase ^= stage == 0 ? 1 : 0;
                        from = shared + stage * stageBytes + warpgroup * WgmmaTile.ChunkBytes + line;
                    }

                    if (chunks > 2)
                    {
                        BeginChunk(warpgroup);
                        if (residual != 0)
                            AsyncBarrier.Wait(full + stage * AsyncBarrier.Bytes, phase);
                        CudaAsm.Emit("@@rounded2 %0, %1, %2, %3, %4, %5, %6, %7, %8;", staging + line, swizzle, biasAt + 512, columns - column - 128, lowBiased, highBiased, alpha, beta, from);
                        EndChunk(lane, warpgroup, maps, staging, column + 128, wStore, hStore, nStore);
                        if (chunks > 3)
                        {
                            BeginChunk(warpgroup);
                            CudaAsm.Emit("@@rounded3 %0, %1, %2, %3, %4, %5, %6, %7, %8;", staging + WgmmaTile.ChunkBytes + line, swizzle, biasAt + 768, columns - column - 192, lowBiased, highBiased, alpha, beta, from + 2 * WgmmaTile.ChunkBytes);
                            EndChunk(lane, warpgroup, maps, staging + WgmmaTile.ChunkBytes, column + 192, wStore, hStore, nStore);
                        }

                        if (residual != 0)
                        {
                            Release(empty + stage * AsyncBarrier.Bytes, lane, cluster);
                            stage = Next(stage, stages);
                            phase ^= stage == 0 ? 1 : 0;
                        }
                    }
                }
            }

            TensorCopy.WaitForStores();
        }

        if (cluster > 1)
            AsyncBarrier.ClusterSync(); // a block must not end while another still copies into it or arrives at its barriers
    }

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

    /// <summary>The slowest axis of a box of 128 pixels that is longer than 1: 2 for images, 1 for height, 0 for width.</summary>
    private static int HalfAxis(int widthLog, int heightLog) => widthLog + heightLog < 7 ? 2 : heightLog > 0 ? 1 : 0;

    /// <summary>Waits until the chunk of shared memory to be written next has been stored.</summary>
    private static void BeginChunk(int warpgroup)
    {
        TensorCopy.WaitForStoresButOne(); // only the first thread has stores: the others pass
        AsyncBarrier.WarpgroupSync(1 + warpgroup);
    }

    /// <summary>Stores a chunk that all threads of the warpgroup have written.</summary>
    private static void EndChunk(int lane, int warpgroup, long maps, int source, int c, int w, int h, int n)
    {
        TensorCopy.FenceSharedWrites();
        AsyncBarrier.WarpgroupSync(1 + warpgroup);
        if (lane == 0)
            TensorCopy.StoreImages(maps + 256L, source, c, w, h, n);
    }
}
