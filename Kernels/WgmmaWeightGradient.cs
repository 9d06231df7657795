using ILGPU;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of weight gradients on Hopper: rows are output channels, columns input channels, the inner index runs over pixels,
/// so that both operands are transposed. A block has one tap, one tile and one range of pixels, whose sum it stores in fp32.
/// </summary>
/// <remarks>A step is a box of 64 pixels of dy and the same box of x, shifted by the tap; pixels outside of an image are zeros in both.</remarks>
internal static class WgmmaWeightGradient
{
    /// <summary>Transposed operands: eight inner indices 1024 bytes apart, chunks of 64 columns <see cref="WgmmaTile.ChunkBytes"/> apart.</summary>
    private const long Descriptor = (1L << 62) | (64L << 32) | (512L << 16);

    /// <summary>The kernel.</summary>
    /// <param name="maps">Tensor maps of dy and x, 128 bytes each.</param>
    /// <param name="partials">Address of the sums (ranges, K, taps, C) in fp32.</param>
    /// <param name="rows">Output channels, K.</param>
    /// <param name="columns">Input channels, C.</param>
    /// <param name="widthLog">Logarithm of the box's width.</param>
    /// <param name="heightLog">Logarithm of the box's height.</param>
    /// <param name="across">Boxes side by side.</param>
    /// <param name="down">Boxes one below another.</param>
    /// <param name="boxes">Boxes in all.</param>
    /// <param name="range">Boxes of a range.</param>
    /// <param name="rowTiles">Tiles along the output channels.</param>
    /// <param name="columnTiles">Tiles along the input channels.</param>
    /// <param name="tileColumns">Columns of a tile.</param>
    /// <param name="radius">0 for one tap, 1 for nine.</param>
    /// <param name="stages">Steps that shared memory holds.</param>
    /// <param name="stageBytes">Bytes of a step's operands.</param>
    /// <param name="chunks">Chunks of 64 columns.</param>
    internal static void Accumulate(
        long maps, long partials, int rows, int columns, int widthLog, int heightLog, int across, int down, int boxes, int range,
        int rowTiles, int columnTiles, int tileColumns, int radius, int stages, int stageBytes, int chunks)
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
        int width = 2 * radius + 1, taps = width * width;
        int index = Grid.IdxX, row = index % rowTiles * WgmmaTile.Rows;
        index /= rowTiles;
        int column = index % columnTiles * tileColumns;
        index /= columnTiles;
        int tap = index % taps, part = index / taps;
        int firstBox = part * range, count = IntrinsicMath.Min(range, boxes - firstBox);
        int stage = 0;
        if (warpgroup == 2)
        {
            if (lane == 0)
            {
                int phase = 1, dh = tap / width - radius, dw = tap % width - radius;
                for (int box = firstBox; box < firstBox + count; box++)
                {
                    int boxRow = box / across, w0 = (box - boxRow * across) << widthLog, group = boxRow / down, h0 = (boxRow - group * down) << heightLog;
                    int n0 = group << (6 - widthLog - heightLog);
                    int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes;
                    AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                    AsyncBarrier.Expect(barrier, stageBytes);
                    TensorCopy.LoadImages(target, maps, row, w0, h0, n0, barrier);
                    TensorCopy.LoadImages(target + WgmmaTile.ChunkBytes, maps, row + 64, w0, h0, n0, barrier);
                    for (int chunk = 0; chunk < chunks; chunk++)
                        TensorCopy.LoadImages(target + (2 + chunk) * WgmmaTile.ChunkBytes, maps + 128L, column + 64 * chunk, w0 + dw, h0 + dh, n0, barrier);
                    stage = WgmmaConvolution.Next(stage, stages);
                    phase ^= stage == 0 ? 1 : 0;
                }
            }
        }
        else
        {
            int phase = 0, previous = 0;
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
            int low = row + (warpgroup << 6) + ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1;
            long step8 = (long)8 * taps * columns * 4;
            long lowAt = partials + ((((long)part * rows + low) * taps + tap) * columns + column + pair) * 4, highAt = lowAt + step8;
            int lowInside = low < rows ? 1 : 0, highInside = low + 8 < rows ? 1 : 0;
            int left = columns - column;
            CudaAsm.Emit("@@single0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt, highAt, partials, left, 0f, 0f, 1f, 0f, lowInside, highInside);
            CudaAsm.Emit("@@single1 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt + 256, highAt + 256, partials, left - 64, 0f, 0f, 1f, 0f, lowInside, highInside);
            CudaAsm.Emit("@@single2 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt + 512, highAt + 512, partials, left - 128, 0f, 0f, 1f, 0f, lowInside, highInside);
            CudaAsm.Emit("@@single3 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", lowAt + 768, highAt + 768, partials, left - 192, 0f, 0f, 1f, 0f, lowInside, highInside);
        }
    }
}
