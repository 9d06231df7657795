using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of <see cref="WgmmaConvolution"/> for few tiles: the blocks of a cluster share the steps of one tile, and each adds up and stores
/// its own share of the columns.
/// </summary>
/// <remarks>
/// Every block leaves its sums of the whole tile in its shared memory; when all have, each reads those of its columns from all others. A block
/// begins with its own sums and goes around the cluster, so that no two read from one at a time: the order of sums depends on the column alone.
/// Time is what one block takes, so weights are on their way to the cache before the launch ahead has ended, and a block needs so little
/// that those of the next launch find room beside it.
/// </remarks>
internal static class WgmmaShared
{
    /// <summary>The kernel; parameters that are not named here are those of <see cref="WgmmaConvolution.Convolve"/>.</summary>
    /// <param name="maps">Tensor maps, as there; those of y and the residual are not used.</param>
    /// <param name="y">Address of the output.</param>
    /// <param name="bias">Address of the bias.</param>
    /// <param name="residual">Bytes from the output to the residual.</param>
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
    /// <param name="columnTiles">Tiles along the output channels.</param>
    /// <param name="tileColumns">Columns of a tile.</param>
    /// <param name="radius">0 for one tap, 1 for nine.</param>
    /// <param name="direction">1 for the convolution, -1 for the input gradient.</param>
    /// <param name="slices">Steps of 64 channels for each tap.</param>
    /// <param name="firstSlices">How many of them x has.</param>
    /// <param name="stages">Steps that shared memory holds.</param>
    /// <param name="stageBytes">Bytes of a step's operands in shared memory.</param>
    /// <param name="arrivingBytes">Bytes of a step's operands that copies bring.</param>
    /// <param name="transposed">Whether the weights' columns are contiguous.</param>
    /// <param name="elementLog">Logarithm of the bytes of an element of the output.</param>
    /// <param name="splits">Blocks of a cluster.</param>
    /// <param name="share">Columns that a block stores.</param>
    /// <param name="shortcutSlices">Steps of the shortcut.</param>
    /// <param name="shortcutFirstSlices">How many of them its first source has.</param>
    /// <param name="shortcutBias">Bytes from the bias to that of the shortcut.</param>
    internal static void Convolve(
        long maps, long y, long bias, long residual, float alpha, float beta, int biasedRows, int columns, int n, int h, int w, int widthLog, int heightLog,
        int across, int down, int columnTiles, int tileColumns, int radius, int direction, int slices, int firstSlices,
        int stages, int stageBytes, int arrivingBytes, int transposed, int elementLog, int splits, int share,
        int shortcutSlices, int shortcutFirstSlices, long shortcutBias)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@keepApart %0, %1;", shortcutBias, residual);
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        shared = (shared + 1023) & ~1023;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127;
        int tile = Grid.IdxX / splits, place = Grid.IdxX - tile * splits, row = tile / columnTiles, column = (tile - row * columnTiles) * tileColumns;
        int convolved = (2 * radius + 1) * (2 * radius + 1) * slices, steps = convolved + shortcutSlices;
        int first = steps * place / splits, end = steps * (place + 1) / splits;
        BoxPlace box = BoxPlace.Of(row, across, down, widthLog, heightLog);
        CopyRing ring = default;
        ring.Start = shared;
        ring.PlaceBytes = stageBytes;
        ring.Places = stages;
        ring.Full = shared + stages * stageBytes;
        ring.Empty = ring.Full + stages * AsyncBarrier.Bytes;
        int exchange = ring.Full + WgmmaTile.BarrierBytes;
        if (thread == WgmmaSharedTile.CopyingThread)
        {
            TensorCopy.Prefetch(maps);
            TensorCopy.Prefetch(maps + 128L);
            ring.Initialise(2);
            AsyncBarrier.FenceInitialisation();
            for (int step = first; step < end; step++)
            {
                // Nothing is read, so that it matters not whether a launch ahead still writes the weights.
                bool far = step >= convolved;
                int tap = far ? 0 : step / slices, slice = far ? step - convolved : step - tap * slices;
                CudaAsm.Emit("@@prefetchB %0, %1, %2, %3;", far ? maps + 896L : maps + 128L, column, slice * 64, tap);
            }
        }

        Group.Barrier();
        CudaAsm.Emit(PtxSource.Wait);
        if (warpgroup == 2)
        {
            if (thread == WgmmaSharedTile.CopyingThread)
            {
                ring.Phase = 1; // nothing has been filled yet: the wait for an empty place passes at once
                int tap = first / slices, slice = first - tap * slices;
                for (int step = first; step < end && step < convolved; step++)
                {
                    int r = radius * ((tap * 11) >> 5), s = tap - 3 * r; // a third of the tap's number
                    bool near = slice < firstSlices;
                    CopyStep(
                        ref ring, near ? maps : maps + 512L, near ? slice : slice - firstSlices, box.W + (s - radius) * direction, box.H + (r - radius) * direction,
                        box.N, maps + 128L, column, slice, tap, arrivingBytes);
                    slice++;
                    tap += slice == slices ? 1 : 0;
                    slice = slice == slices ? 0 : slice;
                }

                for (int step = IntrinsicMath.Max(first, convolved); step < end; step++)
                {
                    int further = step - convolved;
                    bool near = further < shortcutFirstSlices;
                    CopyStep(
                        ref ring, near ? maps + 640L : maps + 768L, near ? further : further - shortcutFirstSlices, box.W, box.H, box.N, maps + 896L, column, further, 0,
                        arrivingBytes);
                }
            }

            AsyncBarrier.ClusterSync(); // with those who leave their sums
            AsyncBarrier.ClusterSync(); // and those who have read them
        }
        else
        {
            int firstRow = (warpgroup << 6) + ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1, own = column + place * share;
            BoxPlace low = box.Row(firstRow, widthLog, heightLog), high = box.Row(firstRow + 8, widthLog, heightLog);
            int lowPixel = (low.N * h + low.H) * w + low.W, highPixel = (high.N * h + high.H) * w + high.W;
            int lowInside = low.W < w && low.H < h && low.N < n ? 1 : 0, highInside = high.W < w && high.H < h && high.N < n ? 1 : 0;
            float lowBiased = lowPixel < biasedRows ? 1f : 0f, highBiased = highPixel < biasedRows ? 1f : 0f;
            long lowAt = y + (((long)lowPixel * columns + own + pair) << elementLog), highAt = y + (((long)highPixel * columns + own + pair) << elementLog);
            int left = IntrinsicMath.Min(columns, column + tileColumns) - own;
            CudaAsm.Emit("@@inside %0, %1, %2;", left, lowInside, highInside);
            CudaAsm.Emit("@@fetchBias %0, %1, %2;", bias + (long)(own + pair) * 4, lowBiased, highBiased);
            CudaAsm.Emit("@@fetchResidual %0, %1;", lowAt, highAt);
            long formOfB = WgmmaConvolution.Descriptor | (transposed != 0 ? 512L << 16 : 1L << 16);
            int previous = 0;
            CudaAsm.Emit("@@clear;");
            for (int step = first; step < end; step++)
            {
                AsyncBarrier.Wait(ring.FullBarrier, ring.Phase);
                long a = WgmmaConvolution.At(WgmmaConvolution.Descriptor | (1L << 16), ring.Address + warpgroup * WgmmaTile.ChunkBytes);
                long b = WgmmaConvolution.At(formOfB, ring.Address + 2 * WgmmaTile.ChunkBytes);
                CudaAsm.Emit("@@multiply %0, %1;", a, b);
                CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                if (step > first)
                    AsyncBarrier.ArriveFirst(previous, lane);
                previous = ring.EmptyBarrier;
                ring.Advance();
            }

            CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
            int mine = exchange + 16 * thread;
            CudaAsm.Emit("@@leaveSums %0;", mine);
            AsyncBarrier.ClusterSync();
            CudaAsm.Emit("@@gatherSums %0, %1;", mine + place * share * WgmmaSharedTile.ColumnBytes, place);
            CudaAsm.Emit("barrier.cluster.arrive.release;");
            CudaAsm.Emit("@@store %0, %1, %2, %3, %4, %5;", lowAt, highAt, alpha, beta, lowBiased, highBiased);
            CudaAsm.Emit("barrier.cluster.wait.acquire;"); // a block must not end while another reads its sums
        }
    }

    private static void CopyStep(
        ref CopyRing ring, long images, int slice, int w, int h, int n, long weights, int column, int innerSlice, int tap, int bytes)
    {
        AsyncBarrier.Wait(ring.EmptyBarrier, ring.Phase);
        AsyncBarrier.Expect(ring.FullBarrier, bytes);
        TensorCopy.LoadImages(ring.Address, images, slice * 64, w, h, n, ring.FullBarrier);
        CudaAsm.Emit("@@loadB %0, %1, %2, %3, %4, %5, 0;", ring.Address + 2 * WgmmaTile.ChunkBytes, weights, ring.FullBarrier, column, innerSlice * 64, tap);
        ring.Advance();
    }
}
