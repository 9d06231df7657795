using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The inline PTX of <see cref="ClusterSplitKConvolution"/> that depends on its tile; <see cref="WgmmaConvolutionPtx"/> holds products and copies.</summary>
internal static class ClusterSplitKPtx
{
    private const int Run = ClusterSplitKTile.Run, RunBytes = ClusterSplitKTile.RunBytes;

    /// <summary>All macros by name.</summary>
    public static Dictionary<string, string> Macros(ClusterSplitKTile split)
    {
        Dictionary<string, string> product = WgmmaConvolutionPtx.Macros(split.Tile);
        return new()
        {
            ["declare"] = Declare(split, product["declare"]),
            // $0: bytes from the bias to the projection shortcut's bias; $1: bytes from the output to the residual.
            ["keepApart"] = """
                mov.b64 apart, $0;
                mov.b64 away, $1;
                """,
            ["clear"] = product["clear"],
            ["multiply"] = product["multiply"],
            ["loadB"] = product["loadB"],
            ["prefetchB"] = PrefetchB(split.Tile),
            ["inside"] = FindRows(split),
            ["fetchBias"] = FetchBias(split),
            ["fetchResidual"] = FetchResidual(split),
            ["leaveSums"] = LeaveSums(split.Tile),
            ["gatherSums"] = GatherSums(split),
            ["store"] = Store(split),
        };
    }

    private static string Declare(ClusterSplitKTile split, string declare)
    {
        int runs = split.Runs;
        var text = new PtxText().Add(declare).Add($"""
            .reg .f32 part<{4 * runs * split.Tile.Splits}>, of<{2 * runs}>;
            .reg .f32 old<{4 * runs}>;
            .reg .pred low<{runs}>, high<{runs}>;
            .reg .b64 away;
            """);
        if (!split.Tile.Shortcut)
            text.Add(".reg .b64 apart;");
        return text.ToString();
    }

    /// <summary>Prefetches an iteration's weights into L2. $0: map (c, tap, k); $1: first column; $2: first k index; $3: tap.</summary>
    private static string PrefetchB(WgmmaTile tile)
    {
        const string Prefetch = "cp.async.bulk.prefetch.tensor.3d.L2.global.tile";
        var text = new PtxText();
        if (!tile.TransposeB)
            return text.Add($$"""{{Prefetch}} [$0, {$2, $3, $1}];""").ToString();
        text.Add("""
            {
            .reg .b32 column;
            """);
        for (int chunk = 0; chunk < tile.Chunks; chunk++)
        {
            text.Add($$"""
                add.s32 column, $1, {{64 * chunk}};
                {{Prefetch}} [$0, {column, $3, $2}];
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Finds which of the thread's values to store. $0: number of columns that are left; $1, $2: whether to store the two rows.</summary>
    private static string FindRows(ClusterSplitKTile split)
    {
        var text = new PtxText().Add("""
            {
            .reg .pred in;
            """);
        for (int run = 0; run < split.Runs; run++)
        {
            text.Add($"""
                setp.gt.s32 in, $0, {Run * run};
                setp.ne.and.s32 low{run}, $1, 0, in;
                setp.ne.and.s32 high{run}, $2, 0, in;
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Loads the bias if there is one. $0: address of the bias of the first column, perhaps of NaNs without one; $1, $2: whether the two rows take it.</summary>
    private static string FetchBias(ClusterSplitKTile split)
    {
        var text = new PtxText().Add("""
            {
            .reg .f32 b0, b1;
            .reg .b64 second;
            .reg .pred any, biased;
            add.f32 b0, $1, $2;
            setp.neu.f32 any, b0, 0f00000000;
            add.s64 second, $0, apart;
            """);
        for (int run = 0; run < split.Runs; run++)
        {
            text.Add($$"""
                or.pred biased, low{{run}}, high{{run}};
                and.pred biased, biased, any;
                mov.f32 of{{2 * run}}, 0f00000000;
                mov.f32 of{{2 * run + 1}}, 0f00000000;
                @biased ld.global.nc.v2.f32 {of{{2 * run}}, of{{2 * run + 1}}}, [$0 + {{32 * run}}];
                """);
            if (split.Tile.Shortcut)
            {
                text.Add($$"""
                    mov.f32 b0, 0f00000000;
                    mov.f32 b1, 0f00000000;
                    @biased ld.global.nc.v2.f32 {b0, b1}, [second + {{32 * run}}];
                    add.f32 of{{2 * run}}, of{{2 * run}}, b0;
                    add.f32 of{{2 * run + 1}}, of{{2 * run + 1}}, b1;
                    """);
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Loads the residual. $0, $1: addresses of the first column in the two rows.</summary>
    private static string FetchResidual(ClusterSplitKTile split)
    {
        var text = new PtxText();
        if (split.Tile.Residual)
        {
            text.Add("""
                {
                .reg .b32 both, half;
                .reg .b64 at0, at1;
                add.s64 at0, $0, away;
                add.s64 at1, $1, away;
                """);
        }

        for (int i = 0; i < 4 * split.Runs; i++)
            text.Add($"mov.f32 old{i}, 0f00000000;");
        if (!split.Tile.Residual)
            return text.ToString();
        for (int run = 0; run < split.Runs; run++)
        {
            FetchRow(text, split, $"low{run}", $"at0 + {(split.Tile.Fp32Output ? 32 : 16) * run}", 4 * run);
            FetchRow(text, split, $"high{run}", $"at1 + {(split.Tile.Fp32Output ? 32 : 16) * run}", 4 * run + 2);
        }

        return text.Add("}").ToString();
    }

    private static void FetchRow(PtxText text, ClusterSplitKTile split, string when, string from, int old)
    {
        if (split.Tile.Fp32Output)
        {
            text.Add($$"""@{{when}} ld.global.v2.f32 {old{{old}}, old{{old + 1}}}, [{{from}}];""");
            return;
        }

        text.Add($"""
            mov.b32 both, 0;
            @{when} ld.global.b32 both, [{from}];
            shl.b32 half, both, 16;
            mov.b32 old{old}, half;
            and.b32 half, both, 0xFFFF0000;
            mov.b32 old{old + 1}, half;
            """);
    }

    /// <summary>Stores the thread's sums in shared memory, one run of eight columns after another. $0: their address.</summary>
    private static string LeaveSums(WgmmaTile tile)
    {
        var text = new PtxText();
        for (int i = 0; i < tile.Columns / Run; i++)
            text.Add($"st.shared.v4.f32 [$0 + {i * RunBytes}], {Quad("acc", 4 * i)};");
        return text.ToString();
    }

    /// <summary>Adds the sums of all blocks into the tile's first sums. $0: address of the thread's sums of the block's first column; $1: the block's rank.</summary>
    private static string GatherSums(ClusterSplitKTile split)
    {
        int runs = split.Runs, splits = split.Tile.Splits;
        var text = new PtxText().Add("""
            {
            .reg .b32 block, from;
            .reg .pred over;
            mov.b32 block, $1;
            """);
        for (int i = 0; i < splits; i++)
        {
            text.Add("mapa.shared::cluster.u32 from, $0, block;");
            for (int run = 0; run < runs; run++)
                text.Add($"ld.shared::cluster.v4.f32 {Quad("part", 4 * (runs * i + run))}, [from + {run * RunBytes}];");
            text.Add($"""
                add.s32 block, block, 1;
                setp.ge.s32 over, block, {splits};
                @over mov.b32 block, 0;
                """);
        }

        for (int sum = 0; sum < 4 * runs; sum++)
        {
            text.Add($"mov.f32 acc{sum}, part{sum};");
            for (int i = 1; i < splits; i++)
                text.Add($"add.f32 acc{sum}, acc{sum}, part{4 * runs * i + sum};");
        }

        return text.Add("}").ToString();
    }

    /// <summary>
    /// Stores alpha (sum + bias) + beta residual. $0, $1: addresses of the first column in the two rows; $2: alpha; $3: beta; $4, $5: whether
    /// the rows take the bias, as 0 or 1.
    /// </summary>
    private static string Store(ClusterSplitKTile split)
    {
        var text = new PtxText().Add("""
            {
            .reg .f32 v0, v1;
            .reg .b32 both;
            """);
        for (int run = 0; run < split.Runs; run++)
        {
            StoreRow(text, split, run, 0);
            StoreRow(text, split, run, 1);
        }

        return text.Add("}").ToString();
    }

    private static void StoreRow(PtxText text, ClusterSplitKTile split, int run, int row)
    {
        int i = 4 * run + 2 * row;
        string when = row == 0 ? "low" : "high";
        text.Add($"""
            fma.rn.f32 v0, of{2 * run}, ${4 + row}, acc{i};
            mul.f32 v0, v0, $2;
            fma.rn.f32 v0, old{i}, $3, v0;
            fma.rn.f32 v1, of{2 * run + 1}, ${4 + row}, acc{i + 1};
            mul.f32 v1, v1, $2;
            fma.rn.f32 v1, old{i + 1}, $3, v1;
            """);
        if (split.Tile.Fp32Output)
        {
            text.Add($$"""@{{when}}{{run}} st.global.v2.f32 [${{row}} + {{32 * run}}], {v0, v1};""");
            return;
        }

        text.Add($"""
            cvt.rn.bf16x2.f32 both, v1, v0;
            @{when}{run} st.global.b32 [${row} + {16 * run}], both;
            """);
    }

    private static string Quad(string name, int first) => $"{{{name}{first}, {name}{first + 1}, {name}{first + 2}, {name}{first + 3}}}";
}
