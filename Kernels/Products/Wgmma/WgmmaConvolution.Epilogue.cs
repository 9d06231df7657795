using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The epilogue stores a tile's sums: in bf16 through shared memory and bulk copies, in fp32 directly from registers. A warpgroup's sums are pairs of
/// chunks, 64 rows by twice 64 columns.
/// </summary>
internal static partial class WgmmaConvolution
{
    /// <summary>A consumer thread's part in storing tiles.</summary>
    private struct Epilogue
    {
        /// <summary>The kernel's arguments for the epilogue.</summary>
        public EpilogueArguments Arguments;

        /// <summary>Address of the tensor map of y for the current tile.</summary>
        public long Map;

        /// <summary>Number of the thread in its warpgroup; number of the warpgroup, 0 or 1.</summary>
        public int Lane, Warpgroup;

        /// <summary>Shared-memory address of the warpgroup's two chunks from which bulk copies store.</summary>
        public int Staging;

        /// <summary>First of the thread's two rows among 64, the other being 8 further down; first of its two columns in each run of eight.</summary>
        public int Row, Pair;

        /// <summary>The first pixel of the warpgroup's half of the tile's rows.</summary>
        public Pixel Half;

        /// <summary>Numbers of the pixels of the thread's two rows; 1 if they lie in the images, otherwise 0; 1 if they take the bias, otherwise 0.</summary>
        public int Low, High, LowInside, HighInside;
        public float LowBiased, HighBiased;

        /// <summary>
        /// Offset that the thread addresses in a chunk of shared memory when a warp stores or loads four matrices of 8 x 8 at once: rows 0 to 7 and 8
        /// to 15 of the warp's 16, in a run of eight columns and in the next. The swizzle makes the other runs an exclusive-or away.
        /// </summary>
        public int Point;

        /// <summary>
        /// Treatment of the current tile's sums: <see cref="WgmmaEpiloguePtx.Biased"/>, <see cref="WgmmaEpiloguePtx.Plain"/> or
        /// <see cref="WgmmaEpiloguePtx.Scaled"/>.
        /// </summary>
        public int Mode;

        /// <summary>Computes the thread's offsets, which are the same in every tile.</summary>
        /// <param name="arguments">The kernel's arguments for the epilogue.</param>
        /// <param name="lane">Number of the thread in its warpgroup.</param>
        /// <param name="warpgroup">Number of its consumer warpgroup, 0 or 1.</param>
        /// <param name="staging">Shared-memory address of the chunks of both warpgroups from which bulk copies store.</param>
        public void Begin(EpilogueArguments arguments, int lane, int warpgroup, int staging)
        {
            Arguments = arguments;
            Lane = lane;
            Warpgroup = warpgroup;
            Staging = staging + warpgroup * 2 * WgmmaBlock.ChunkBytes;
            Row = ((lane >> 5) << 4) + ((lane & 31) >> 2);
            Pair = (lane & 3) << 1;
            int row = ((lane >> 5) << 4) + (lane & 15), run = (lane >> 4) & 1;
            Point = (row << 7) + ((run ^ (row & 7)) << 4);
        }

        /// <summary>Begins a tile whose box begins at <paramref name="origin"/>.</summary>
        public void Turn(Pixel origin, BoxGrid boxes)
        {
            int first = (Warpgroup << 6) + Row;
            Pixel low = boxes.Row(origin, first), high = boxes.Row(origin, first + 8);
            Half = boxes.Half(origin, Warpgroup);
            Low = boxes.Number(low);
            High = boxes.Number(high);
            LowInside = boxes.Contains(low);
            HighInside = boxes.Contains(high);
            LowBiased = Low < Arguments.BiasedRows ? 1f : 0f;
            HighBiased = High < Arguments.BiasedRows ? 1f : 0f;
            // The half-tile's first pixel has its lowest number: if that one takes no bias, none does.
            Mode = boxes.Number(Half) < Arguments.BiasedRows ? WgmmaEpiloguePtx.Biased : Arguments.Alpha == 1f ? WgmmaEpiloguePtx.Plain : WgmmaEpiloguePtx.Scaled;
        }

        /// <summary>Returns the address of the bias of the thread's first column.</summary>
        public readonly long BiasAt(int column) => Arguments.Bias + (long)(column + Pair) * 4;

        /// <summary>Returns the address of a pixel's fp32 sum in the thread's first column.</summary>
        public readonly long SumAt(int pixel, int column) => Arguments.Y + ((long)pixel * Arguments.Columns + column + Pair) * 4;
    }

    /// <summary>Stores a pair of chunks, the second of which may be missing; both chunks of a residual lie in one stage.</summary>
    /// <param name="o">The thread's epilogue.</param>
    /// <param name="pair">0 or 1. A constant, since each chunk has a macro of its own, and macros are named by constants.</param>
    /// <param name="nTile">First column of the tile.</param>
    /// <param name="residual">Shared-memory address of the stage with the residual.</param>
    private static void StorePair(Epilogue o, int pair, int nTile, int residual)
    {
        int column = nTile + 128 * pair, left = o.Arguments.Columns - column, to = o.Staging + o.Point, from = residual + o.Warpgroup * WgmmaBlock.ChunkBytes + o.Point;
        long bias = o.BiasAt(column), low = o.SumAt(o.Low, column), high = o.SumAt(o.High, column);
        float alpha = o.Arguments.Alpha, beta = o.Arguments.Beta;
        if (o.Arguments.Fp32Output != 0)
        {
            if (pair == 0)
            {
                CudaAsm.Emit("@@fp32Chunk0 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low, high, bias, left, o.LowBiased, o.HighBiased, alpha, beta, o.LowInside, o.HighInside);
                CudaAsm.Emit("@@fp32Chunk1 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low + 256, high + 256, bias + 256, left - 64, o.LowBiased, o.HighBiased, alpha, beta, o.LowInside, o.HighInside);
            }
            else
            {
                CudaAsm.Emit("@@fp32Chunk2 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low, high, bias, left, o.LowBiased, o.HighBiased, alpha, beta, o.LowInside, o.HighInside);
                CudaAsm.Emit("@@fp32Chunk3 %0, %1, %2, %3, %4, %5, %6, %7, %8, %9;", low + 256, high + 256, bias + 256, left - 64, o.LowBiased, o.HighBiased, alpha, beta, o.LowInside, o.HighInside);
            }

            return;
        }

        BeginChunk(o);
        if (pair == 0)
            CudaAsm.Emit("@@bf16Chunk0 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to, from, bias, left, o.LowBiased, o.HighBiased, alpha, beta, o.Mode);
        else
            CudaAsm.Emit("@@bf16Chunk2 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to, from, bias, left, o.LowBiased, o.HighBiased, alpha, beta, o.Mode);
        EndChunk(o, 0, column);
        if (o.Arguments.Chunks - 2 * pair < 2)
            return;
        to += WgmmaBlock.ChunkBytes;
        from += 2 * WgmmaBlock.ChunkBytes;
        BeginChunk(o);
        if (pair == 0)
            CudaAsm.Emit("@@bf16Chunk1 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to, from, bias + 256, left - 64, o.LowBiased, o.HighBiased, alpha, beta, o.Mode);
        else
            CudaAsm.Emit("@@bf16Chunk3 %0, %1, %2, %3, %4, %5, %6, %7, %8;", to, from, bias + 256, left - 64, o.LowBiased, o.HighBiased, alpha, beta, o.Mode);
        EndChunk(o, 1, column + 64);
    }

    /// <summary>Waits until the chunk of shared memory that is written next has been stored.</summary>
    private static void BeginChunk(Epilogue o)
    {
        TensorCopy.WaitForStoresButOne(); // only the first thread has stores; the others do not wait
        AsyncBarrier.WarpgroupSync(1 + o.Warpgroup);
    }

    /// <summary>Starts the store of one of the two chunks after all threads of the warpgroup have written it.</summary>
    private static void EndChunk(Epilogue o, int chunk, int column)
    {
        TensorCopy.FenceSharedWrites();
        AsyncBarrier.WarpgroupSync(1 + o.Warpgroup);
        if (o.Lane == 0)
            TensorCopy.StoreImages(o.Map, o.Staging + chunk * WgmmaBlock.ChunkBytes, o.Half.Channel(column));
    }
}
