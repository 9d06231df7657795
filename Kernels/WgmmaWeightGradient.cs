using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of weight gradients on Hopper: rows are output channels, columns taps and input channels, the inner index runs over
/// pixels, so that both operands are transposed. Blocks take tiles and ranges of pixels in turn, and store a range's sum in fp32.
/// </summary>
/// <remarks>A step is a box of 64 pixels of dy and the same box of x, shifted by the tap; pixels outside of an image are zeros in both.</remarks>
internal static class WgmmaWeightGradient
{
    /// <summary>Transposed operands: eight inner indices 1024 bytes apart, chunks of 64 columns <see cref="WgmmaTile.ChunkBytes"/> apart.</summary>
    private const long Descriptor = (1L << 62) | (64L << 32) | (512L << 16);

    /// <summary>An image that no tensor has.</summary>
    private const int Beyond = 1 << 30;

    /// <summary>The kernel.</summary>
    /// <param name="maps">Tensor maps of dy, x and the further source, 128 bytes each.</param>
    /// <param name="partials">Address of the sums (ranges, K, taps, C) in fp32.</param>
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
        long maps, long partials, int rows, int channels, int widthLog, int heightLog, int across, int down, int boxes, int range, int items,
        int rowTiles, int columnTiles, int slices, int firstSlices, int radius, int stages, int stageBytes, int chunks)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = (shared + 1023) & ~1023;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127;
        int full = shared + stages * stageBytes, empty = full + stages * AsyncBarrier.Bytes;
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
            if (lane == 0)
            {
                int phase = 1; // nothing has been filled yet: the wait for an empty place passes at once
                for (int item = Grid.IdxX; item < items; item += Grid.DimX)
                {
                    int part = item / tiles, tile = item - part * tiles, columnTile = tile / rowTiles;
                    int row = (tile - columnTile * rowTiles) * WgmmaTile.Rows;
                    int firstBox = part * range, end = IntrinsicMath.Min(firstBox + range, boxes);
                    for (int box = firstBox; box < end; box++)
                    {
                        int boxRow = box / across, w0 = (box - boxRow * across) << widthLog, group = boxRow / down, h0 = (boxRow - group * down) << heightLog;
                        int n0 = group << (6 - widthLog - heightLog);
                        int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes;
                        AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                        AsyncBarrier.Expect(barrier, stageBytes);
                        TensorCopy.LoadImages(target, maps, row, w0, h0, n0, barrier);
                        TensorCopy.LoadImages(target + WgmmaTile.ChunkBytes, maps, row + 64, w0, h0, n0, barrier);
                        for (int chunk = 0; chunk < chunks; chunk++)
                        {
                            // A chunk beyond the last tap reads zeros beyond the last image.
                            int place = columnTile * chunks + chunk, tap = place / slices, slice = place - tap * slices;
                            int c = (slice < firstSlices ? slice : slice - firstSlices) << 6;
                            int h = h0 + tap / width - radius, w = w0 + tap % width - radius;
                            int n = tap < taps ? n0 : Beyond;
                            TensorCopy.LoadImages(target + (2 + chunk) * WgmmaTile.ChunkBytes, slice < firstSlices ? maps + 128L : maps + 256L, c, w, h, n, barrier);
                        }

                        stage = WgmmaConvolution.Next(stage, stages);
                        phase ^= stage == 0 ? 1 : 0;
                    }
                }
            }
        }
        else
        {
            int phase = 0, line = (warpgroup << 6) + ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1;
            for (int item = Grid.IdxX; item < items; item += Grid.DimX)
            {
                int part = item / tiles, tile = item - part * tiles, columnTile = tile / rowTiles;
                int count = IntrinsicMath.Min(range, boxes - part * range), previous = 0;
                CudaAsm.Emit("@@clear;");
                for (int step = 0; step < count; step++)
                {
                    AsyncBarrier.Wait(full + stage * AsyncBarrier.Bytes, phase);
                    int operand = shared + stage * stageBytes;
                    long a = WgmmaConvolution.At(Descriptor, operand + warpgroup * WgmmaTile.ChunkBytes);
                    long b = WgmmaConvolution.At(Descriptor, operand + 2 * WgmmaTile.ChunkBytes);
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
}
