using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel of weight gradients on Hopper: rows are output channels, columns taps and input channels, the inner index runs over
/// pixels, so that both operands are transposed. A block that makes the whole sum of a tile adds it to the gradient; blocks that share a
/// tile store partial sums, which <see cref="WgmmaGradientSum"/> adds up.
/// </summary>
/// <remarks>
/// The gradient of a bias, the sum of dy over pixels, falls out as further columns: dy times ones, while it lies in shared memory anyway.
/// The tiles of a row take turns at it, since those products cost a tile that makes them at every step an eighth of its time.
/// A step is a box of 64 pixels of dy and the same box of x, shifted by the tap; pixels outside of an image are zeros in both.
/// </remarks>
internal static class WgmmaWeightGradient
{
    /// <summary>Transposed operands: eight inner indices 1024 bytes apart, chunks of 64 columns <see cref="WgmmaTile.ChunkBytes"/> apart.</summary>
    private const long Descriptor = (1L << 62) | (64L << 32) | (512L << 16);

    /// <summary>The kernel.</summary>
    /// <param name="maps">Tensor maps of dy, x, the further source, the gradient (K, taps, C) and the partial sums, 128 bytes each.</param>
    /// <param name="biasSums">Address of the sums of dy (takers, slots, K), or of a bias's gradient where there is one of them, fp32; 0 for none.</param>
    /// <param name="rows">Output channels, K.</param>
    /// <param name="widthLog">Logarithm of the box's width.</param>
    /// <param name="heightLog">Logarithm of the box's height.</param>
    /// <param name="across">Boxes side by side.</param>
    /// <param name="down">Boxes one below another.</param>
    /// <param name="boxes">Boxes in all.</param>
    /// <param name="rowTiles">Tiles along the output channels.</param>
    /// <param name="columnTiles">Tiles along taps and input channels.</param>
    /// <param name="wholeTiles">Tiles that a block makes alone; see <see cref="WgmmaShare.Of"/>, for the next three too.</param>
    /// <param name="ranges">Equal ranges of every other tile's boxes.</param>
    /// <param name="range">Boxes of a range.</param>
    /// <param name="rest">Boxes of a block without such a range.</param>
    /// <param name="slots">Places for the partial sums of a tile.</param>
    /// <param name="takers">Tiles of a row that take turns at the sums of dy.</param>
    /// <param name="slices">Chunks of 64 input channels.</param>
    /// <param name="firstSlices">How many of them x has; the others are a further source's, whose channels follow those of x.</param>
    /// <param name="radius">0 for one tap, 1 for nine.</param>
    /// <param name="stages">Steps that shared memory holds.</param>
    /// <param name="stageBytes">Bytes of a step's operands.</param>
    /// <param name="chunks">Chunks of a tile, each with a tap and 64 input channels of its own.</param>
    /// <param name="alpha">Factor of the gradient.</param>
    /// <param name="add">1 to add to the gradient, 0 to overwrite it.</param>
    /// <param name="biasAlpha">Factor of the sums of dy.</param>
    /// <param name="addBias">1 to add to what lies there.</param>
    internal static void Accumulate(
        long maps, long biasSums, int rows, int widthLog, int heightLog, int across, int down, int boxes, int rowTiles, int columnTiles,
        int wholeTiles, int ranges, int range, int rest, int slots, int takers, int slices, int firstSlices, int radius, int stages,
        int stageBytes, int chunks, float alpha, int add, float biasAlpha, int addBias)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@declareCopies;");
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        int thread = Group.IdxX, warpgroup = thread >> 7, lane = thread & 127;
        int staging = shared + stages * stageBytes, ones = staging + WgmmaGradientTile.StagingBytes;
        int full = ones + WgmmaGradientTile.OnesBytes, empty = full + stages * AsyncBarrier.Bytes;
        FillOnes(ones, thread);
        if (thread == 0)
        {
            for (int i = 0; i < stages; i++)
            {
                AsyncBarrier.Initialise(full + i * AsyncBarrier.Bytes, 1 + (chunks + 1) / WgmmaGradientCopies.PerThread);
                AsyncBarrier.Initialise(empty + i * AsyncBarrier.Bytes, 2);
            }

            AsyncBarrier.FenceInitialisation();
        }

        if (thread < 4) // nobody writes maps once they are made; that of partial sums may be missing
            TensorCopy.Prefetch(maps + thread * 128L);
        CudaAsm.Emit(PtxSource.Wait);
        Group.Barrier();
        int tiles = rowTiles * columnTiles, stage = 0;
        if (warpgroup == 2)
        {
            CudaAsm.Emit(WgmmaTile.FewRegisters);
            // The first thread of a warp brings two chunks: of the first warp those of dy, of the others those of x.
            int place = (lane >> 5) * WgmmaGradientCopies.PerThread - 2, copies = place < 0 ? 2 : IntrinsicMath.Min(chunks - place, WgmmaGradientCopies.PerThread);
            if ((lane & 31) == 0 && copies > 0)
            {
                int phase = 1; // nothing has been filled yet: the wait for an empty place passes at once
                CudaAsm.Emit("@@setCopies %0;", copies);
                for (int index = 0; ; index++)
                {
                    WgmmaShare share = WgmmaShare.Of(index, Grid.IdxX, Grid.DimX, tiles, wholeTiles, boxes, ranges, range, rest);
                    if (share.Tile < 0)
                        break;
                    // Divisions are dear for a thread that copies every step: positions advance by additions.
                    int box = Settled(share.Begin), end = Settled(share.End), boxRow = box / across, x = box - boxRow * across, image = boxRow / down, y = boxRow - image * down;
                    int row = WgmmaShare.Row(share.Tile, rowTiles, columnTiles) * WgmmaTile.Rows, first = WgmmaShare.Column(share.Tile, rowTiles, columnTiles) * chunks + place;
                    ChunkSource source = place < 0 ? ChunkSource.OfRows(row, maps) : ChunkSource.Of(first, slices, firstSlices, 2 * radius + 1, maps);
                    CudaAsm.Emit("@@setCopy0 %0, %1, %2, %3, %4;", source.Map, source.C, source.W, source.H, source.N);
                    source = place < 0 ? ChunkSource.OfRows(row + 64, maps) : ChunkSource.Of(first + 1, slices, firstSlices, 2 * radius + 1, maps);
                    CudaAsm.Emit("@@setCopy1 %0, %1, %2, %3, %4;", source.Map, source.C, source.W, source.H, source.N);
                    for (; box < end; box++)
                    {
                        int barrier = full + stage * AsyncBarrier.Bytes, target = shared + stage * stageBytes + (place + 2) * WgmmaTile.ChunkBytes;
                        AsyncBarrier.Wait(empty + stage * AsyncBarrier.Bytes, phase);
                        AsyncBarrier.Expect(barrier, copies * WgmmaTile.ChunkBytes);
                        CudaAsm.Emit("@@copy %0, %1, %2, %3, %4;", target, x << widthLog, y << heightLog, image << (6 - widthLog - heightLog), barrier);
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
            int phase = 0, row = ((lane >> 5) << 4) + ((lane & 31) >> 2), pair = (lane & 3) << 1;
            int line = staging + 2 * warpgroup * WgmmaTile.ChunkBytes + (row << 7) + ((lane & 1) << 3), swizzle = ((row & 7) ^ ((lane & 3) >> 1)) << 4;
            for (int index = 0; ; index++)
            {
                WgmmaShare share = WgmmaShare.Of(index, Grid.IdxX, Grid.DimX, tiles, wholeTiles, boxes, ranges, range, rest);
                if (share.Tile < 0)
                    break;
                int columnTile = WgmmaShare.Column(share.Tile, rowTiles, columnTiles), steps = Settled(share.End - share.Begin), previous = 0;
                long rowSums = WgmmaConvolution.At(Descriptor, ones);
                // Steps until the tile's next turn at the sums of dy; it never comes for one that has none.
                int turn = biasSums != 0 && columnTile < takers ? Settled((columnTile + takers - share.Begin % takers) % takers) : steps;
                CudaAsm.Emit("@@clear;");
                for (int step = 0; step < steps; step++)
                {
                    AsyncBarrier.Wait(full + stage * AsyncBarrier.Bytes, phase);
                    int operand = shared + stage * stageBytes;
                    long a = WgmmaConvolution.At(Descriptor, operand + warpgroup * WgmmaTile.ChunkBytes);
                    long b = WgmmaConvolution.At(Descriptor, operand + 2 * WgmmaTile.ChunkBytes);
                    if (step == turn)
                    {
                        CudaAsm.Emit("@@multiplyAndSum %0, %1, %2;", a, b, rowSums);
                        turn += takers;
                    }
                    else
                    {
                        CudaAsm.Emit("@@multiply %0, %1;", a, b);
                    }

                    CudaAsm.Emit("wgmma.wait_group.sync.aligned 1;");
                    if (step > 0)
                        AsyncBarrier.ArriveFirst(empty + previous * AsyncBarrier.Bytes, lane);
                    previous = stage;
                    stage = WgmmaConvolution.Next(stage, stages);
                    phase ^= stage == 0 ? 1 : 0;
                }

                CudaAsm.Emit("wgmma.wait_group.sync.aligned 0;");
                AsyncBarrier.ArriveFirst(empty + previous * AsyncBarrier.Bytes, lane);
                int k = WgmmaShare.Row(share.Tile, rowTiles, columnTiles) * WgmmaTile.Rows + warpgroup * 64, slot = IntrinsicMath.Max(share.Slot, 0);
                if (biasSums != 0 && columnTile < takers)
                {
                    int low = k + row;
                    CudaAsm.Emit("@@storeSums %0, %1, %2, %3, %4, %5;", biasSums + ((long)(columnTile * slots + slot) * rows + low) * 4, pair, low < rows ? 1 : 0, low + 8 < rows ? 1 : 0, biasAlpha, addBias);
                }

                if (k >= rows)
                    continue; // all of the warpgroup's rows lie beyond the last channel
                PartTarget target;
                target.Whole = share.Slot < 0 ? 1 : 0;
                target.Map = maps + (share.Slot < 0 ? 384L : 512L);
                target.Chunk = columnTile * chunks;
                target.Slices = slices;
                target.K = share.Slot < 0 ? k : ((share.Tile - wholeTiles) * slots + slot) * WgmmaTile.Rows + warpgroup * 64;
                float factor = share.Slot < 0 ? alpha : 1f;
                int adds = share.Slot < 0 ? add : 0;
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

    /// <summary>A number that stays in a register: ILGPU would sink the divisions behind it into the loop that uses it.</summary>
    private static int Settled(int value)
    {
        CudaAsm.Emit("mov.b32 %0, %1;", out int settled, value);
        return settled;
    }

    /// <summary>Ones for the products that sum dy over pixels: all of their place, so that its layout does not matter.</summary>
    private static void FillOnes(int place, int thread)
    {
        for (int at = 16 * thread; at < WgmmaGradientTile.OnesBytes; at += 16 * WgmmaTile.Threads)
            CudaAsm.Emit("st.shared.v4.b32 [%0], {%1, %1, %1, %1};", place + at, 0x3F803F80); // two ones in bf16
        TensorCopy.FenceSharedWrites();
    }

    /// <summary>Where a chunk of a step is read: 64 channels of dy, or a tap, as a shift of the box, and 64 channels of one of two sources.</summary>
    private struct ChunkSource
    {
        public long Map;
        public int C, W, H, N;

        /// <summary>Of channels of dy.</summary>
        public static ChunkSource OfRows(int channel, long maps)
        {
            ChunkSource source;
            source.Map = maps;
            source.C = channel;
            source.W = 0;
            source.H = 0;
            source.N = 0;
            return source;
        }

        /// <summary>Of a chunk of the whole gradient's columns; one beyond the last tap reads zeros, beyond the last image.</summary>
        public static ChunkSource Of(int chunk, int slices, int firstSlices, int width, long maps)
        {
            int tap = chunk / slices, slice = chunk - tap * slices;
            ChunkSource source;
            source.Map = slice < firstSlices ? maps + 128L : maps + 256L;
            source.C = (slice < firstSlices ? slice : slice - firstSlices) << 6;
            source.H = tap / width - width / 2;
            source.W = tap % width - width / 2;
            source.N = tap < width * width ? 0 : 1 << 30;
            return source;
        }
    }

    /// <summary>Where the parts of a tile go: to their taps and channels in the gradient, or side by side in the tile's partial sums.</summary>
    private struct PartTarget
    {
        public long Map;
        public int Whole, Chunk, Slices, K;

        /// <summary>First channel of a part in the gradient, or column in partial sums.</summary>
        public readonly int C(int part)
        {
            int chunk = Chunk + part / 2;
            return Whole != 0 ? (chunk - chunk / Slices * Slices) * 64 + part % 2 * WgmmaGradientTile.PartColumns : part * WgmmaGradientTile.PartColumns;
        }

        /// <summary>Tap of a part; beyond the last nothing is stored.</summary>
        public readonly int Tap(int part) => Whole != 0 ? (Chunk + part / 2) / Slices : 0;
    }
}
