using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel that completes a weight gradient whose tiles blocks have shared. It adds a tile's partial sums, four columns in each thread, and in further
/// blocks the sums of dy for the gradient of a bias. If a tile has many partial sums, the warps of a block share them. The order of sums is fixed.
/// </summary>
internal static class WgmmaGradientSum
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Partial sums that a thread loads before it adds the first.</summary>
    public const int Flight = 8;

    /// <summary>Rows of a block that sums for a bias, one for each lane; the warps share the sums.</summary>
    public const int BiasRows = 32;

    /// <summary>Bytes of shared memory, for the sums of each thread.</summary>
    public const int SharedBytes = Threads * 4 * sizeof(float);

    /// <summary>Warps of a block.</summary>
    public const int Warps = Threads / 32;

    /// <summary>Returns the number of warps that share the partial sums of a tile.</summary>
    public static int Sharers(int slots) => slots > Flight ? Warps : 1;

    /// <summary>Returns the number of blocks that sum a tile.</summary>
    public static int BlocksOfTile(int columns, int slots) => WgmmaTile.Rows * columns / 4 * Sharers(slots) / Threads;

    /// <summary>Returns the number of blocks that sum for a bias.</summary>
    public static int BiasBlocks(int outputs) => (outputs + BiasRows - 1) / BiasRows;

    /// <summary>The kernel.</summary>
    [PtxEntry]
    internal static void Sum(GradientSumArguments arguments)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("mov.u32 %0, sbase;", out int shared);
        StreamKSchedule schedule = arguments.Schedule;
        int thread = Group.IdxX, lane = thread & 31, warp = thread >> 5, tapChunks = (arguments.C + 63) / 64, columns = schedule.Tiles.TileN, sharers = arguments.Sharers;
        if (Grid.IdxX < arguments.TileBlocks)
        {
            int blocksOfTile = WgmmaTile.Rows * columns / 4 * sharers / Threads, sharedTile = Grid.IdxX / blocksOfTile, tile = schedule.WholeTiles + sharedTile;
            int place = (Grid.IdxX - sharedTile * blocksOfTile) * (Threads / sharers) + (sharers > 1 ? lane : thread), row = place * 4 / columns, column = place * 4 - row * columns;
            int chunk = schedule.Tiles.N(tile) * (columns / 64) + column / 64, tap = chunk / tapChunks;
            int k = schedule.Tiles.M(tile) * WgmmaTile.Rows + row, c = (chunk - tap * tapChunks) * 64 + column % 64;
            bool inside = k < arguments.K && tap < arguments.Taps && c < arguments.C;
            if (inside)
            {
                long from = arguments.Partials + ((long)sharedTile * schedule.Slots * WgmmaTile.Rows * columns + place * 4) * 4;
                int count = schedule.SlotsOf(sharedTile);
                for (int slot = sharers > 1 ? warp * Flight : 0; slot < count; slot += sharers * Flight)
                    CudaAsm.Emit("@@addQuads %0, %1, %2;", from + (long)slot * WgmmaTile.Rows * columns * 4, WgmmaTile.Rows * columns * 4L, count - slot);
            }

            if (sharers > 1)
            {
                CudaAsm.Emit("st.shared.v4.f32 [%0], {sum0, sum1, sum2, sum3};", shared + thread * 16);
                Group.Barrier();
                if (warp > 0)
                    return;
                CudaAsm.Emit("@@addQuadsOfWarps %0;", shared + thread * 16);
            }

            if (inside)
                CudaAsm.Emit("@@storeQuad %0, %1, %2;", arguments.Gradient + (((long)k * arguments.Taps + tap) * arguments.C + c) * 4, arguments.Alpha, arguments.Add);
            return;
        }

        // Each warp takes an eighth of the tiles that summed dy, each lane a channel; then the first warp adds the eight sums.
        int channel = (Grid.IdxX - arguments.TileBlocks) * BiasRows + lane, mTile = channel / WgmmaTile.Rows;
        if (channel < arguments.K)
        {
            for (int nTile = warp; nTile < schedule.BiasTiles; nTile += Warps)
            {
                int tile = schedule.Tiles.Number(mTile, nTile);
                int count = tile < schedule.WholeTiles ? 1 : schedule.SlotsOf(tile - schedule.WholeTiles);
                long from = arguments.BiasSums + ((long)nTile * schedule.Slots * arguments.K + channel) * 4;
                for (int slot = 0; slot < count; slot += Flight)
                    CudaAsm.Emit("@@addOnes %0, %1, %2;", from + (long)slot * arguments.K * 4, arguments.K * 4L, count - slot);
            }
        }

        CudaAsm.Emit("st.shared.f32 [%0], sum0;", shared + thread * 4);
        Group.Barrier();
        if (warp == 0 && channel < arguments.K)
        {
            CudaAsm.Emit("@@addOnesOfWarps %0;", shared + thread * 4);
            CudaAsm.Emit("@@storeOne %0, %1, %2;", arguments.Bias + (long)channel * 4, arguments.Alpha, arguments.BiasAdd);
        }
    }
}
