using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of weight gradients on wgmma: m runs over output channels, n over taps and input channels, k over pixels, so that both operands are
/// transposed. A block that computes the whole sum of a tile writes it to the gradient; blocks that share a tile (<see cref="StreamKSchedule"/>)
/// store partial sums, which <see cref="WgmmaGradientSum"/> adds.
/// </summary>
/// <remarks>
/// The gradient of a bias, the sum of dy over pixels, is computed as further columns: dy times ones, while dy lies in shared memory. The n tiles of
/// an m tile take turns at these products, since they would cost a single tile an eighth of its time. A k-iteration is a box of 64 pixels of dy and
/// the same box of x, shifted by the tap; pixels outside of an image are zeros in both.
/// </remarks>
internal static class WgmmaWeightGradient
{
    /// <summary>The kernel.</summary>
    [PtxEntry]
    internal static void Accumulate(WeightGradientArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@declareCopies;");
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        long maps = arguments.Maps;
        BoxGrid boxes = arguments.Boxes;
        StreamKSchedule schedule = arguments.Schedule;
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127, chunks = arguments.Chunks;
        int staging = shared + arguments.Stages * arguments.StageBytes, ones = staging + WgmmaGradientTile.StagingBytes;
        CopyPipeline pipeline = CopyPipeline.At(shared, arguments.Stages, arguments.StageBytes, ones + WgmmaGradientTile.OnesBytes);
        FillOnes(ones, thread);
        if (thread == 0)
        {
            pipeline.Initialise(arrivals: 2, producers: 1 + (chunks + 1) / WgmmaGradientPtx.CopiesPerThread);
            AsyncBarrier.FenceInitialisation();
        }

        if (thread < 4) // the maps are constant; that of partial sums may be missing
            TensorCopy.Prefetch(maps + thread * (long)TensorMap.Bytes);
        CudaAsm.Emit(PtxSource.Wait);
        Group.Barrier();
        if (warpgroup == 2)
        {
            CudaAsm.Emit("@@releaseRegisters;");
            // The first thread of a warp copies two chunks: in the first warp those of dy, in the others those of x.
            int place = (lane >> 5) * WgmmaGradientPtx.CopiesPerThread - 2, copies = place < 0 ? 2 : IntrinsicMath.Min(chunks - place, WgmmaGradientPtx.CopiesPerThread);
            if ((lane & 31) == 0 && copies > 0)
            {
                pipeline.StartProducing();
                CudaAsm.Emit("@@setCopies %0;", copies);
                for (int index = 0; ; index++)
                {
                    StreamKWork work = schedule.Work(index, Grid.IdxX, Grid.DimX);
                    if (work.Tile < 0)
                        break;
                    // A division at every step would cost the copying thread too much time: positions advance by additions.
                    int box = Settled(work.Begin), end = Settled(work.End), boxRow = box / boxes.Across, x = box - boxRow * boxes.Across;
                    int image = boxRow / boxes.Down, y = boxRow - image * boxes.Down;
                    int row = schedule.Tiles.M(work.Tile) * WgmmaTile.Rows, first = schedule.Tiles.N(work.Tile) * chunks + place;
                    ChunkSource source = place < 0 ? ChunkSource.OfRows(row, maps) : ChunkSource.Of(first, arguments.Taps, maps);
                    CudaAsm.Emit("@@setCopy0 %0, %1, %2, %3, %4;", source.Map, source.At.C, source.At.W, source.At.H, source.At.N);
                    source = place < 0 ? ChunkSource.OfRows(row + 64, maps) : ChunkSource.Of(first + 1, arguments.Taps, maps);
                    CudaAsm.Emit("@@setCopy1 %0, %1, %2, %3, %4;", source.Map, source.At.C, source.At.W, source.At.H, source.At.N);
                    for (; box < end; box++)
                    {
                        pipeline.AcquireEmpty(copies * WgmmaBlock.ChunkBytes);
                        CudaAsm.Emit(
                            "@@copy %0, %1, %2, %3, %4;", pipeline.Address + (place + 2) * WgmmaBlock.ChunkBytes, x << boxes.WidthLog, y << boxes.HeightLog,
                            image << (6 - boxes.WidthLog - boxes.HeightLog), pipeline.FullBarrier);
                        pipeline.Advance();
                        x++;
                        y += x == boxes.Across ? 1 : 0;
                        x = x == boxes.Across ? 0 : x;
                        image += y == boxes.Down ? 1 : 0;
                        y = y == boxes.Down ? 0 : y;
                    }
                }
            }
        }
        else
        {
            CudaAsm.Emit("@@takeRegisters;");
            int row = ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1, biasTiles = schedule.BiasTiles;
            int line = staging + 2 * warpgroup * WgmmaBlock.ChunkBytes + (row << 7) + ((lane & 1) << 3), swizzle = ((row & 7) ^ ((lane & 3) >> 1)) << 4;
            for (int index = 0; ; index++)
            {
                StreamKWork work = schedule.Work(index, Grid.IdxX, Grid.DimX);
                if (work.Tile < 0)
                    break;
                int nTile = schedule.Tiles.N(work.Tile), steps = Settled(work.End - work.Begin);
                long rowSums = WgmmaOperand.At(WgmmaOperand.AcrossRows, ones);
                int previous = 0; // empty barrier of the stage whose products may still be running
                // Iterations until the tile's next turn at the sums of dy; a tile without turns never has one.
                int turn = arguments.BiasSums != 0 && nTile < biasTiles ? Settled((nTile + biasTiles - work.Begin % biasTiles) % biasTiles) : steps;
                CudaAsm.Emit("@@clear;");
                for (int step = 0; step < steps; step++)
                {
                    pipeline.WaitFull();
                    long a = WgmmaOperand.At(WgmmaOperand.AcrossRows, pipeline.Address + warpgroup * WgmmaBlock.ChunkBytes);
                    long b = WgmmaOperand.At(WgmmaOperand.AcrossRows, pipeline.Address + 2 * WgmmaBlock.ChunkBytes);
                    if (step == turn)
                    {
                        CudaAsm.Emit("@@multiplyAndSum %0, %1, %2;", a, b, rowSums);
                        turn += biasTiles;
                    }
                    else
                    {
                        CudaAsm.Emit("@@multiply %0, %1;", a, b);
                    }

                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (step > 0)
                        CopyPipeline.Release(previous, lane);
                    previous = pipeline.EmptyBarrier;
                    pipeline.Advance();
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                CopyPipeline.Release(previous, lane);
                int k = schedule.Tiles.M(work.Tile) * WgmmaTile.Rows + warpgroup * 64, slot = IntrinsicMath.Max(work.Slot, 0);
                if (arguments.BiasSums != 0 && nTile < biasTiles)
                {
                    int low = k + row;
                    long sums = arguments.BiasSums + ((long)(nTile * schedule.Slots + slot) * arguments.K + low) * 4;
                    CudaAsm.Emit("@@storeSums %0, %1, %2, %3, %4, %5;", sums, pair, low < arguments.K ? 1 : 0, low + 8 < arguments.K ? 1 : 0, arguments.BiasAlpha, arguments.BiasAdd);
                }

                if (k >= arguments.K)
                    continue; // all of the warpgroup's rows lie beyond the last channel
                PartTarget target;
                target.Whole = work.Slot < 0 ? 1 : 0;
                target.Map = maps + (work.Slot < 0 ? WeightGradientArguments.GradientMap : WeightGradientArguments.PartialsMap);
                target.Chunk = nTile * chunks;
                target.TapChunks = arguments.Taps.Chunks;
                target.K = work.Slot < 0 ? k : ((work.Tile - schedule.WholeTiles) * schedule.Slots + slot) * WgmmaTile.Rows + warpgroup * 64;
                float factor = work.Slot < 0 ? arguments.Alpha : 1f;
                int adds = work.Slot < 0 ? arguments.Add : 0;
                CudaAsm.Emit("@@storePart0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(0), target.Tap(0), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart1 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(1), target.Tap(1), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart2 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(2), target.Tap(2), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart3 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(3), target.Tap(3), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart4 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(4), target.Tap(4), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart5 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(5), target.Tap(5), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart6 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(6), target.Tap(6), target.K, lane, adds, 1 + warpgroup);
                CudaAsm.Emit("@@storePart7 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", line, swizzle, factor, target.Map, target.C(7), target.Tap(7), target.K, lane, adds, 1 + warpgroup);
            }

            TensorCopy.WaitForStores();
        }
    }

    /// <summary>Keeps a number in a register: ILGPU would sink the divisions that compute it into the loop that uses it.</summary>
    private static int Settled(int value)
    {
        CudaAsm.Emit("mov.b32 %0, %1;", out int settled, value);
        return settled;
    }

    /// <summary>Fills the buffer of ones for the products that sum dy over pixels; all elements are equal, so the layout does not matter.</summary>
    private static void FillOnes(int place, int thread)
    {
        for (int at = 16 * thread; at < WgmmaGradientTile.OnesBytes; at += 16 * WgmmaBlock.Threads)
            CudaAsm.Emit("st.shared.v4.b32 [%0], {%1, %1, %1, %1};", place + at, 0x3F803F80); // two ones in bf16
        TensorCopy.FenceSharedWrites();
    }

    /// <summary>The source of a chunk: 64 channels of dy; or a tap, as a shift of the box, and 64 channels of one of two sources of x.</summary>
    private struct ChunkSource
    {
        public long Map;
        public ImageCoordinate At;

        /// <summary>Returns the source of channels of dy.</summary>
        public static ChunkSource OfRows(int channel, long maps)
        {
            ChunkSource source = default;
            source.Map = maps + WeightGradientArguments.DyMap;
            source.At.C = channel;
            return source;
        }

        /// <summary>Returns the source of a chunk of the gradient's columns; a chunk beyond the last tap reads zeros, beyond the last image.</summary>
        public static ChunkSource Of(int chunk, TapChunks taps, long maps)
        {
            int tap = chunk / taps.Chunks, ofTap = chunk - tap * taps.Chunks, width = taps.Width;
            ChunkSource source;
            source.Map = ofTap < taps.FirstChunks ? maps + WeightGradientArguments.XMap : maps + WeightGradientArguments.XSkipMap;
            source.At.C = (ofTap < taps.FirstChunks ? ofTap : ofTap - taps.FirstChunks) << 6;
            source.At.H = tap / width - width / 2;
            source.At.W = tap % width - width / 2;
            source.At.N = tap < width * width ? 0 : 1 << 30;
            return source;
        }
    }

    /// <summary>The target of a tile's parts: their taps and channels in the gradient, or adjacent columns in the tile's partial sums.</summary>
    private struct PartTarget
    {
        public long Map;
        public int Whole, Chunk, TapChunks, K;

        /// <summary>Returns the first channel of a part in the gradient, or its first column in partial sums.</summary>
        public readonly int C(int part)
        {
            int chunk = Chunk + part / 2;
            return Whole != 0 ? (chunk - chunk / TapChunks * TapChunks) * 64 + part % 2 * WgmmaGradientTile.PartColumns : part * WgmmaGradientTile.PartColumns;
        }

        /// <summary>Returns the tap of a part; parts beyond the last tap are not stored.</summary>
        public readonly int Tap(int part) => Whole != 0 ? (Chunk + part / 2) / TapChunks : 0;
    }
}
