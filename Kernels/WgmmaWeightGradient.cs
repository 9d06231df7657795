using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of weight gradients on Hopper: rows are output channels, columns taps and input channels, the inner index runs over
/// pixels, so that both operands are transposed. Blocks take tiles and ranges of pixels in turn, and store a range's sum in fp32.
/// </summary>
/// <remarks>
/// The gradient of a bias, the sum of dy over pixels, falls out as further columns of the first tile of each row of tiles: dy times
/// ones, while it lies in shared memory anyway. A step is a box of 64 pixels of dy and the same box of x, shifted by the tap; pixels outside of an image are zeros in both.
/// </remarks>
internal static class WgmmaWeightGradient
{
    /// <summary>Transposed operands: eight inner indices 1024 bytes apart, chunks of 64 columns <see cref="WgmmaTile.ChunkBytes"/> apart.</summary>
    private const long Descriptor = (1L << 62) | (64L << 32) | (512L << 16);

    /// <summary>The kernel.</summary>
    /// <param name="maps">Tensor maps of dy, x and the further source, 128 bytes each.</param>
    /// <param name="partials">Address of the sums (ranges, K, taps, C) in fp32.</param>
    /// <param name="biasSums">Address of the sums of dy (ranges, K) in fp32; 0 where no gradient of a bias is wanted.</param>
    /// <param name="rows">Output channels, K.</param>
    /// <param name="channels">Input channels, C.</param>
    /// <param name="widthLog">Logarithm of the box's width.</param>
    /// <param name="heightLog">Logarithm of the box's height.</param>
    /// <param name="across">Boxes side by side.</param>
    /// <param name="down">Boxes one below another.</param>
    /// <param name="boxes">Boxes in all.</param>
    /// <param name="range">Boxes of a range.</param>
    /// <param name="items">Tiles times ranges: what the blocks share out, tiles fastest, so that those at work at a time read the same pixels.</param>
    /// <param name="rowTiles">Tiles along the output channels.</param>
    /// <param name="columnTiles">Tiles along taps and input channels.</param>
    /// <param name="slices">Chunks of 64 input channels.</param>
    /// <param name="firstSlices">How many of them x has; the others are a further source's, whose channels follow those of x.</param>
    /// <param name="radius">0 for one tap, 1 for nine.</param>
    /// <param name="stages">Steps that shared memory holds.</param>
    /// <param name="stageBytes">Bytes of a step's operands.</param>
    /// <param name="chunks">Chunks of a tile, each with a tap and 64 input channels of its own.</param>
    internal static void Accumulate(
        long maps, long partials, long biasSums, int rows, int channels, int widthLog, int heightLog, int across, int down, int boxes, int range, int items,
        int rowTiles, int columnTiles, int slices, int firstSlices, int radius, int stages, int stageBytes, int chunks)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@declareCopies;");
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = (shared + 1023) & ~1023;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127;
        int ones = shared + stages * stageBytes, full = ones + WgmmaTile.ChunkBytes, empty = full + stages * AsyncBarrier.Bytes;
        FillOnes(ones, thread);
        if (thread == 0)
        {
            for (int i = 0; i < stages; i++)
            {
                AsyncBarrier.Initialise(full + i * AsyncBarrier.Bytes, 1);
                AsyncBarrier.Initialise(empty + i * AsyncBarrier.Bytes, 2);
            }

            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        int width = 2 * radius + 1, taps = width * width, tiles = rowTiles * columnTiles, stage = 0;
        if (warpgroup == 2)
        {
            CudaAsm.Emit(WgmmaTile.FewRegisters);
            if (lane == 0)
            {
                int phase = 1; // nothing has been filled yet: the wait for an empty place passes at once
                for (int item = Grid.IdxX; item < items; item += Grid.DimX)
                {
                    int part = item / tiles, tile = item - part * tiles, columnTile = tile / rowTiles;
                    int row = (tile - columnTile * rowTiles) * WgmmaTile.Rows;
                    int box = part * range, end = IntrinsicMath.Min(box + range, boxes);
                    // Divisions are dear for a thread that starts six copies in the time of a step: positions advance by additions.
                    int boxRow = box / across, x = box - boxRow * across, image = boxRow / down, y = boxRow - image * down;
                    // In named registers: ILGPU would sink the divisions behind these numbers into the loop.
                    CudaAsm.Emit("@@setRows %0;", row);
                    SetChunk0(columnTile * chunks, slices, firstSlices, width, radius, maps);
                    SetChunk1(columnTile * chunks + 1, slices, firstSlices, width, radius, maps);
                    SetChunk2(columnTile * chunks + 2, slices, firstSlices, width, radius, maps);
                    SetChunk3(columnTile * chunks + 3, slices, firstSlices, width, radius, maps);
                    for (; box < end; box++)
                    {
                        int w0 = x << widthLog, h0 = y << heightLog, n0 = image << (6 - widthLog - heightLog);
                        int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes;
                        AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                        AsyncBarrier.Expect(barrier, stageBytes);
                        CudaAsm.Emit("@@loadRows %0, %1, %2, %3, %4, %5;", target, maps, w0, h0, n0, barrier);
                        CudaAsm.Emit("@@loadChunk0 %0, %1, %2, %3, %4;", target + 2 * WgmmaTile.ChunkBytes, w0, h0, n0, barrier);
                        CudaAsm.Emit("@@loadChunk1 %0, %1, %2, %3, %4;", target + 3 * WgmmaTile.ChunkBytes, w0, h0, n0, barrier);
                        CudaAsm.Emit("@@loadChunk2 %0, %1, %2, %3, %4;", target + 4 * WgmmaTile.ChunkBytes, w0, h0, n0, barrier);
                        CudaAsm.Emit("@@loadChunk3 %0, %1, %2, %3, %4;", target + 5 * WgmmaTile.ChunkBytes, w0, h0, n0, barrier);
                        stage = WgmmaConvolution.Next(stage, stages);
                        phase ^= stage == 0 ? 1 : 0;
                        x++;
                        y += x == across ? 1 : 0;
                        x = x == across ? 0 : x;
                        image += y == down ? 1 : 0;
                        y = y == down ? 0 : y;
                    }
                }
            }
        }
        else
        {
            CudaAsm.Emit(WgmmaTile.ManyRegisters);
            int phase = 0, line = (warpgroup << 6) + ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1;
            for (int item = Grid.IdxX; item < items; item += Grid.DimX)
            {
                int part = item / tiles, tile = item - part * tiles, columnTile = tile / rowTiles;
                int count = IntrinsicMath.Min(range, boxes - part * range), previous = 0;
                CudaAsm.Emit("@@clear;");
                long rowSums = WgmmaConvolution.At(Descriptor, ones);
                bool summing = biasSums != 0 && columnTile == 0;
                for (int step = 0; step < count; step++)
                {
                    AsyncBarrier.Wait(full + stage * AsyncBarrier.Bytes, phase);
                    int operand = shared + stage * stageBytes;
                    long a = WgmmaConvolution.At(Descriptor, operand + warpgroup * WgmmaTile.ChunkBytes);
                    long b = WgmmaConvolution.At(Descriptor, operand + 2 * WgmmaTile.ChunkBytes);
                    if (summing)
                        CudaAsm.Emit("@@multiplyAndSum %0, %1, %2;", a, b, rowSums);
                    else
                        CudaAsm.Emit("@@multiply %0, %1;", a, b);
                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (step > 0)
                        AsyncBarrier.ArriveFirst(empty + previous * AsyncBarrier.Bytes, lane);
                    previous = stage;
                    stage = WgmmaConvolution.Next(stage, stages);
                    phase ^= stage == 0 ? 1 : 0;
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                AsyncBarrier.ArriveFirst(empty + previous * AsyncBarrier.Bytes, lane);
                int low = (tile - columnTile * rowTiles) * WgmmaTile.Rows + line, first = columnTile * chunks;
                long at = partials + ((long)(part * rows + low) * taps * channels + pair) * 4, eight = (long)taps * channels * 32;
                int lowInside = low < rows ? 1 : 0, highInside = low + 8 < rows ? 1 : 0;
                if (summing)
                    CudaAsm.Emit("@@storeSums %0, %1, %2, %3;", biasSums + (long)(part * rows + low) * 4, pair, lowInside, highInside);
                long to = at + Place(first, slices, channels);
                CudaAsm.Emit("@@single0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", to, to + eight, partials, Left(first, slices, channels, taps), 0f, 0f, 1f, 0f, lowInside, highInside);
                to = at + Place(first + 1, slices, channels);
                CudaAsm.Emit("@@single1 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", to, to + eight, partials, Left(first + 1, slices, channels, taps), 0f, 0f, 1f, 0f, lowInside, highInside);
                to = at + Place(first + 2, slices, channels);
                CudaAsm.Emit("@@single2 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", to, to + eight, partials, Left(first + 2, slices, channels, taps), 0f, 0f, 1f, 0f, lowInside, highInside);
                to = at + Place(first + 3, slices, channels);
                CudaAsm.Emit("@@single3 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", to, to + eight, partials, Left(first + 3, slices, channels, taps), 0f, 0f, 1f, 0f, lowInside, highInside);
            }
        }
    }

    /// <summary>Bytes from a filter's first weight to the first of a chunk.</summary>
    private static long Place(int chunk, int slices, int channels)
    {
        int tap = chunk / slices;
        return ((long)tap * channels + ((chunk - tap * slices) << 6)) * 4;
    }

    /// <summary>Channels from a chunk's first to the last; none where the chunk has no tap.</summary>
    private static int Left(int chunk, int slices, int channels, int taps)
    {
        int tap = chunk / slices;
        return tap < taps ? channels - ((chunk - tap * slices) << 6) : 0;
    }

    /// <summary>A column of ones for the products that sum dy over pixels: all of a chunk, so that its layout does not matter.</summary>
    private static void FillOnes(int chunk, int thread)
    {
        for (int at = 16 * thread; at < WgmmaTile.ChunkBytes; at += 16 * WgmmaTile.Threads)
            CudaAsm.Emit("st.shared.v4.b32 [%0], {%1, %1, %1, %1};", chunk + at, 0x3F803F80); // two ones in bf16
        TensorCopy.FenceSharedWrites();
    }

    private static void SetChunk0(int chunk, int slices, int firstSlices, int width, int radius, long maps)
    {
        ChunkSource source = ChunkSource.Of(chunk, slices, firstSlices, width, radius, maps);
        CudaAsm.Emit("@@setChunk0 %0, %1, %2, %3, %4;", source.Map, source.C, source.W, source.H, source.N);
    }

    private static void SetChunk1(int chunk, int slices, int firstSlices, int width, int radius, long maps)
    {
        ChunkSource source = ChunkSource.Of(chunk, slices, firstSlices, width, radius, maps);
        CudaAsm.Emit("@@setChunk1 %0, %1, %2, %3, %4;", source.Map, source.C, source.W, source.H, source.N);
    }

    private static void SetChunk2(int chunk, int slices, int firstSlices, int width, int radius, long maps)
    {
        ChunkSource source = ChunkSource.Of(chunk, slices, firstSlices, width, radius, maps);
        CudaAsm.Emit("@@setChunk2 %0, %1, %2, %3, %4;", source.Map, source.C, source.W, source.H, source.N);
    }

    private static void SetChunk3(int chunk, int slices, int firstSlices, int width, int radius, long maps)
    {
        ChunkSource source = ChunkSource.Of(chunk, slices, firstSlices, width, radius, maps);
        CudaAsm.Emit("@@setChunk3 %0, %1, %2, %3, %4;", source.Map, source.C, source.W, source.H, source.N);
    }

    /// <summary>Where a chunk of columns is read: a tap, as a shift of the box, and 64 channels of one of two sources.</summary>
    private struct ChunkSource
    {
        public long Map;
        public int C, W, H, N;

        /// <summary>Of a chunk of the whole gradient; one beyond the last tap reads zeros, beyond the last image.</summary>
        public static ChunkSource Of(int chunk, int slices, int firstSlices, int width, int radius, long maps)
        {
            int tap = chunk / slices, slice = chunk - tap * slices;
            ChunkSource source;
            source.Map = slice < firstSlices ? maps + 128L : maps + 256L;
            source.C = (slice < firstSlices ? slice : slice - firstSlices) << 6;
            source.H = tap / width - radius;
            source.W = tap % width - radius;
            source.N = tap < width * width ? 0 : 1 << 30;
            return source;
        }
    }
}
