using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The way of a tile's sums to memory: in bf16 through shared memory and bulk copies, in fp32 straight from registers. A warpgroup's sums are
/// pairs of chunks, 64 rows by twice 64 columns.
/// </summary>
internal static partial class WgmmaConvolution
{
    /// <summary>What a thread needs to put its part of a tile where it belongs.</summary>
    private struct Output
    {
        /// <summary>The first map of y, and that of the tile at hand.</summary>
        public long Maps, Map;
        public long Y, Bias;
        public float Alpha, Beta;
        public int BiasedRows, Columns, Single, Lane, Warpgroup;

        /// <summary>Address of the warpgroup's two chunks on their way out.</summary>
        public int Staging;

        /// <summary>The thread's first row of 64, its other being 8 further down, and its first column of two in each run of eight.</summary>
        public int Row, Pair;

        /// <summary>Where the warpgroup's half of the tile's rows begins.</summary>
        public BoxPlace Box;

        /// <summary>Pixels of the thread's two rows; 1 where they lie in the images, else 0; 1 where they take the bias, else 0.</summary>
        public int Low, High, LowInside, HighInside;
        public float LowBiased, HighBiased;

        /// <summary>
        /// Where the thread points in a chunk of shared memory, when a warp stores or loads four matrices of 8 x 8 at once: at rows 0 to 7 and 8 to 15
        /// of the warp's 16, of a run of eight columns and of the next. The other runs are an exclusive or away, by the swizzle.
        /// </summary>
        public int Point;

        /// <summary>What is done to the sums of the tile at hand.</summary>
        public int Mode;

        /// <summary><see cref="Point"/> of a thread of a warpgroup.</summary>
        public static int PointOf(int lane)
        {
            int row = ((lane >> 5) << 4) + (lane & 15), run = (lane >> 4) & 1;
            return (row << 7) + ((run ^ (row & 7)) << 4);
        }

        /// <summary>Turns to a tile.</summary>
        public void SetRows(BoxPlace tile, int n, int h, int w, int widthLog, int heightLog)
        {
            int first = (Warpgroup << 6) + Row;
            BoxPlace low = tile.Row(first, widthLog, heightLog), high = tile.Row(first + 8, widthLog, heightLog);
            Box = tile.Half(Warpgroup, widthLog, heightLog);
            Low = (low.N * h + low.H) * w + low.W;
            High = (high.N * h + high.H) * w + high.W;
            LowInside = low.W < w && low.H < h && low.N < n ? 1 : 0;
            HighInside = high.W < w && high.H < h && high.N < n ? 1 : 0;
            LowBiased = Low < BiasedRows ? 1f : 0f;
            HighBiased = High < BiasedRows ? 1f : 0f;
            // Of no pixel of the half is the number less than the first's.
            Mode = (Box.N * h + Box.H) * w + Box.W < BiasedRows ? WgmmaTile.Biased : Alpha == 1f ? WgmmaTile.Plain : WgmmaTile.Scaled;
        }

        /// <summary>Address of the bias of the thread's first column.</summary>
        public readonly long BiasAt(int column) => Bias + (long)(column + Pair) * 4;

        /// <summary>Address of a pixel's sum in fp32 in the thread's first column.</summary>
        public readonly long SumAt(int pixel, int column) => Y + ((long)pixel * Columns + column + Pair) * 4;
    }

    /// <summary>Stores the first pair of chunks, of which the second may be missing; of a residual, both lie in one place of the ring.</summary>
    private static void StoreFirstPair(Output o, int column, int chunks, int residual)
    {
        long bias = o.BiasAt(column), low = o.SumAt(o.Low, column), high = o.SumAt(o.High, column);
        int left = o.Columns - column, to = o.Staging + o.Point, from = residual + o.Warpgroup * WgmmaTile.ChunkBytes + o.Point;
        if (o.Single != 0)
        {
            CudaAsm.Emit("@@single0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low, high, bias, left, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.LowInside, o.HighInside);
            CudaAsm.Emit("@@single1 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low + 256, high + 256, bias + 256, left - 64, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.LowInside, o.HighInside);
            return;
        }

        BeginChunk(o);
        CudaAsm.Emit("@@rounded0 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to, from, bias, left, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.Mode);
        EndChunk(o, 0, column);
        if (chunks < 2)
            return;
        BeginChunk(o);
        CudaAsm.Emit("@@rounded1 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to + WgmmaTile.ChunkBytes, from + 2 * WgmmaTile.ChunkBytes, bias + 256, left - 64, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.Mode);
        EndChunk(o, 1, column + 64);
    }

    /// <summary>The same with the second pair: macros are named by constants.</summary>
    private static void StoreSecondPair(Output o, int column, int chunks, int residual)
    {
        long bias = o.BiasAt(column), low = o.SumAt(o.Low, column), high = o.SumAt(o.High, column);
        int left = o.Columns - column, to = o.Staging + o.Point, from = residual + o.Warpgroup * WgmmaTile.ChunkBytes + o.Point;
        if (o.Single != 0)
        {
            CudaAsm.Emit("@@single2 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low, high, bias, left, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.LowInside, o.HighInside);
            CudaAsm.Emit("@@single3 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low + 256, high + 256, bias + 256, left - 64, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.LowInside, o.HighInside);
            return;
        }

        BeginChunk(o);
        CudaAsm.Emit("@@rounded2 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to, from, bias, left, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.Mode);
        EndChunk(o, 0, column);
        if (chunks < 2)
            return;
        BeginChunk(o);
        CudaAsm.Emit("@@rounded3 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to + WgmmaTile.ChunkBytes, from + 2 * WgmmaTile.ChunkBytes, bias + 256, left - 64, o.LowBiased, o.HighBiased, o.Alpha, o.Beta, o.Mode);
        EndChunk(o, 1, column + 64);
    }

    /// <summary>Waits until the chunk of shared memory to be written next has been stored.</summary>
    private static void BeginChunk(Output o)
    {
        TensorCopy.WaitForStoresButOne(); // only the first thread has stores: the others pass
        AsyncBarrier.WarpgroupSync(1 + o.Warpgroup);
    }

    /// <summary>Stores one of the two chunks, which all threads of the warpgroup have written.</summary>
    private static void EndChunk(Output o, int chunk, int column)
    {
        TensorCopy.FenceSharedWrites();
        AsyncBarrier.WarpgroupSync(1 + o.Warpgroup);
        if (o.Lane == 0)
            TensorCopy.StoreImages(o.Map, o.Staging + chunk * WgmmaTile.ChunkBytes, column, o.Box.W, o.Box.H, o.Box.N);
    }
}
