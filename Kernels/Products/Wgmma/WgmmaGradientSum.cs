using System.Globalization;
using System.Text;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The kernel that ends a weight gradient whose tiles blocks have shared: adds up a tile's partial sums, four columns a thread, and in further
/// blocks the sums of dy for the gradient of a bias. Where there are many of them the warps of a block share them. The order is fixed.
/// </summary>
internal static class WgmmaGradientSum
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Partial sums that a thread loads before it adds the first.</summary>
    private const int Flight = 8;

    /// <summary>Rows of a block that sums for a bias: a warp's, while the warps each take a part of the sums.</summary>
    public const int BiasRows = 32;

    /// <summary>Bytes of shared memory: what each thread has summed.</summary>
    public const int SharedBytes = Threads * 4 * sizeof(float);

    private const int Warps = Threads / 32;

    /// <summary>Warps that share the partial sums of a tile.</summary>
    public static int Sharers(int slots) => slots > Flight ? Warps : 1;

    /// <summary>Blocks that a tile takes.</summary>
    public static int BlocksOfTile(int columns, int slots) => WgmmaTile.Rows * columns / 4 * Sharers(slots) / Threads;

    /// <summary>Blocks that sum for a bias.</summary>
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

        // Each warp takes an eighth of the tiles that have summed dy, each lane a channel; then the first warp adds the eight up.
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

    /// <summary>All macros by name.</summary>
    public static IReadOnlyDictionary<string, string> Macros() => new Dictionary<string, string>
    {
        ["declare"] = ".reg .f32 sum<4>;\n.reg .b32 sbase;\nmov.u32 sbase, " + PtxSource.SharedMemory + ";\n"
            + string.Concat(Enumerable.Range(0, 4).Select(i => $"mov.f32 sum{i}, 0f00000000;\n")),
        // $0: address of the first of up to eight partial sums; $1: bytes from one to the next; $2: how many there are.
        ["addQuads"] = Add(4),
        ["addOnes"] = Add(1),
        // $0: address; $1: factor; $2: 1 to add to what is there.
        ["storeQuad"] = Store(4),
        ["storeOne"] = Store(1),
        // $0: address of the first of the sums of the eight warps, the first warp's, which is in registers too.
        ["addQuadsOfWarps"] = AddWarps(4),
        ["addOnesOfWarps"] = AddWarps(1),
    };

    private static string Add(int numbers)
    {
        var text = new StringBuilder($"{{\n.reg .f32 p<{Flight * numbers}>;\n.reg .b64 at;\n.reg .pred some;\nmov.b64 at, $0;\n");
        for (int i = 0; i < Flight; i++)
        {
            foreach (int number in Enumerable.Range(i * numbers, numbers))
                text.Append(CultureInfo.InvariantCulture, $"mov.f32 p{number}, 0f00000000;\n");
            text.Append(CultureInfo.InvariantCulture, $"setp.gt.s32 some, $2, {i};\n@some ld.global.{Vector(numbers)} {Registers("p", i * numbers, numbers)}, [at];\nadd.s64 at, at, $1;\n");
        }

        for (int i = 0; i < Flight * numbers; i++)
            text.Append(CultureInfo.InvariantCulture, $"add.f32 sum{i % numbers}, sum{i % numbers}, p{i};\n");
        return text.Append('}').ToString();
    }

    private static string AddWarps(int numbers)
    {
        var text = new StringBuilder("{\n.reg .f32 p<4>;\n");
        for (int warp = 1; warp < Warps; warp++)
        {
            text.Append(CultureInfo.InvariantCulture, $"ld.shared.{Vector(numbers)} {Registers("p", 0, numbers)}, [$0 + {warp * 32 * numbers * sizeof(float)}];\n");
            foreach (int i in Enumerable.Range(0, numbers))
                text.Append(CultureInfo.InvariantCulture, $"add.f32 sum{i}, sum{i}, p{i};\n");
        }

        return text.Append('}').ToString();
    }

    private static string Store(int numbers)
    {
        var text = new StringBuilder("{\n.reg .f32 p<4>;\n.reg .pred adds;\nsetp.ne.s32 adds, $2, 0;\n");
        foreach (int i in Enumerable.Range(0, numbers))
            text.Append(CultureInfo.InvariantCulture, $"mov.f32 p{i}, 0f00000000;\n");
        text.Append(CultureInfo.InvariantCulture, $"@adds ld.global.{Vector(numbers)} {Registers("p", 0, numbers)}, [$0];\n");
        foreach (int i in Enumerable.Range(0, numbers))
            text.Append(CultureInfo.InvariantCulture, $"fma.rn.f32 p{i}, sum{i}, $1, p{i};\n");
        return text.Append(CultureInfo.InvariantCulture, $"st.global.{Vector(numbers)} [$0], {Registers("p", 0, numbers)};\n}}").ToString();
    }

    private static string Vector(int numbers) => numbers == 4 ? "v4.f32" : "f32";

    private static string Registers(string name, int first, int numbers) =>
        numbers == 1 ? $"{name}{first}" : $"{{{string.Join(", ", Enumerable.Range(first, numbers).Select(i => $"{name}{i}"))}}}";
}
