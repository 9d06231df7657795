using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The inline PTX of <see cref="WgmmaWeightGradient"/> that depends on its tile: registers, copies, products, and the epilogue.</summary>
internal static class WgmmaGradientPtx
{
    /// <summary>Chunks that a producer thread copies. Three threads with two copies each keep up; one thread with six does not.</summary>
    public const int CopiesPerThread = 2;

    private const int ProducerRegisters = 40, PartColumns = WgmmaGradientTile.PartColumns, PartsInFlight = WgmmaGradientTile.PartsInFlight;

    /// <summary>All macros by name.</summary>
    public static Dictionary<string, string> Macros(WgmmaGradientTile tile)
    {
        var macros = new Dictionary<string, string>
        {
            ["declare"] = $"""
                .reg .f32 acc<{tile.Columns / 2}>, row<4>;
                .reg .pred always;
                .reg .b64 da, db;
                .reg .b32 sbase;
                mov.u32 sbase, {PtxSource.SharedMemory};
                setp.eq.s32 always, 0, 0;
                """,
            // Constants of a thread's two chunks over all iterations: map, channels, and the tap as a shift of the box.
            ["declareCopies"] = $"""
                .reg .b32 c<{CopiesPerThread}>, w<{CopiesPerThread}>, h<{CopiesPerThread}>, n<{CopiesPerThread}>;
                .reg .b64 map<{CopiesPerThread}>;
                .reg .pred both;
                """,
            ["setCopy0"] = SetCopy(0),
            ["setCopy1"] = SetCopy(1),
            // $0: number of chunks, up to two.
            ["setCopies"] = "setp.gt.s32 both, $0, 1;",
            ["copy"] = Copy(),
            ["releaseRegisters"] = WgmmaBlock.ReleaseRegisters(ProducerRegisters),
            ["takeRegisters"] = WgmmaBlock.TakeRegisters(ProducerRegisters),
            ["clear"] = Clear(tile),
            ["multiply"] = Multiply(tile, sumRows: false),
            ["multiplyAndSum"] = Multiply(tile, sumRows: true),
            ["storeSums"] = StoreSums,
        };
        for (int part = 0; part < WgmmaGradientTile.MaxParts; part++)
            macros[$"storePart{part}"] = part < tile.Columns / PartColumns ? StorePart(part) : "";
        return macros;
    }

    /// <summary>
    /// Stores the sums of dy. $0: address of the first row's sum; $1: 0 in the threads that hold the first column; $2, $3: whether to store the two
    /// rows; $4: factor; $5: 1 to add to the former values.
    /// </summary>
    private const string StoreSums = """
        {
        .reg .pred low, high, adds;
        .reg .f32 v<2>;
        mov.f32 v0, 0f00000000;
        mov.f32 v1, 0f00000000;
        setp.eq.s32 adds, $1, 0;
        setp.ne.and.s32 low, $2, 0, adds;
        setp.ne.and.s32 high, $3, 0, adds;
        setp.ne.and.s32 adds, $5, 0, low;
        @adds ld.global.f32 v0, [$0];
        setp.ne.and.s32 adds, $5, 0, high;
        @adds ld.global.f32 v1, [$0 + 32];
        fma.rn.f32 v0, row0, $4, v0;
        fma.rn.f32 v1, row2, $4, v1;
        @low st.global.f32 [$0], v0;
        @high st.global.f32 [$0 + 32], v1;
        }
        """;

    /// <summary>Sets the constants of a chunk. $0: map; $1: first channel; $2, $3, $4: shift of the box.</summary>
    private static string SetCopy(int i) => $"""
        mov.b64 map{i}, $0;
        mov.s32 c{i}, $1;
        mov.s32 w{i}, $2;
        mov.s32 h{i}, $3;
        mov.s32 n{i}, $4;
        """;

    /// <summary>Copies the thread's chunks. $0: target; $1, $2, $3: box; $4: barrier.</summary>
    private static string Copy()
    {
        const string Load = "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes";
        return $$"""
            {
            .reg .b32 to, x, y, z;
            add.s32 x, $1, w0;
            add.s32 y, $2, h0;
            add.s32 z, $3, n0;
            {{Load}} [$0], [map0, {c0, x, y, z}], [$4];
            add.s32 to, $0, {{WgmmaBlock.ChunkBytes}};
            add.s32 x, $1, w1;
            add.s32 y, $2, h1;
            add.s32 z, $3, n1;
            @both {{Load}} [to], [map1, {c1, x, y, z}], [$4];
            }
            """;
    }

    private static string Clear(WgmmaGradientTile tile)
    {
        var text = new PtxText();
        for (int i = 0; i < tile.Columns / 2; i++)
            text.Add($"mov.f32 acc{i}, 0f00000000;");
        for (int i = 0; i < 4; i++)
            text.Add($"mov.f32 row{i}, 0f00000000;");
        return text.ToString();
    }

    /// <summary>
    /// Adds four products of 16 pixels to the sums. $0, $1: descriptors of dy and x; $2: descriptor of the ones, by which dy is also summed over
    /// pixels: eight equal columns for each channel.
    /// </summary>
    private static string Multiply(WgmmaGradientTile tile, bool sumRows)
    {
        string sums = string.Join(", ", Enumerable.Range(0, tile.Columns / 2).Select(i => $"acc{i}"));
        var text = new PtxText().Add("wgmma.fence.sync.aligned;");
        for (int i = 0; i < WgmmaTile.Depth / 16; i++)
        {
            int down = i * WgmmaOperand.DepthStep(WgmmaOperand.AcrossRows);
            text.Add($$"""
                add.s64 da, $0, {{down}};
                add.s64 db, $1, {{down}};
                wgmma.mma_async.sync.aligned.m64n{{tile.Columns}}k16.f32.bf16.bf16 {{{sums}}}, da, db, always, 1, 1, 1, 1;
                """);
            if (sumRows)
                text.Add("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {row0, row1, row2, row3}, da, $2, always, 1, 1, 1, 1;");
        }

        return text.Add("wgmma.commit_group.sync.aligned;").ToString();
    }

    /// <summary>
    /// Stores a part of the tile times a factor. $0: address of the thread's first row in the warpgroup's staging buffer, 8 (lane % 2) rows further
    /// on; $1: offset in the row of its 16 bytes of the first eight columns, by the swizzle; $2: factor; $3: map (c, tap, k) of the target; $4, $5,
    /// $6: the part's coordinates; $7: lane; $8: 1 to add to the former values; $9: barrier of the warpgroup.
    /// </summary>
    private static string StorePart(int part)
    {
        const string Bulk = "bulk.tensor.3d.global.shared::cta";
        int place = part % PartsInFlight * WgmmaBlock.ChunkBytes;
        // Only the first thread has stores; the others do not wait here, but at the barrier.
        var text = new PtxText();
        text.Add($$"""
            {
            .reg .f32 v<4>;
            .reg .b32 to;
            .reg .pred lead, adds, puts;
            cp.async.bulk.wait_group.read {{PartsInFlight - 1}};
            bar.sync $9, 128;
            """);
        for (int run = 0; run < PartColumns / 8; run++)
        {
            int sum = 4 * (part * PartColumns / 8 + run);
            text.Add($$"""
                mul.f32 v0, acc{{sum}}, $2;
                mul.f32 v1, acc{{sum + 1}}, $2;
                mul.f32 v2, acc{{sum + 2}}, $2;
                mul.f32 v3, acc{{sum + 3}}, $2;
                xor.b32 to, $1, {{32 * run}};
                add.s32 to, to, $0;
                st.shared.v2.f32 [to + {{place}}], {v0, v1};
                st.shared.v2.f32 [to + {{place + 1024}}], {v2, v3};
                """);
        }

        text.Add($$"""
            fence.proxy.async.shared::cta;
            bar.sync $9, 128;
            setp.eq.s32 lead, $7, 0;
            setp.ne.and.s32 adds, $8, 0, lead;
            setp.eq.and.s32 puts, $8, 0, lead;
            add.s32 to, $0, {{place}};
            @adds cp.reduce.async.{{Bulk}}.add.tile.bulk_group [$3, {$4, $5, $6}], [to];
            @puts cp.async.{{Bulk}}.tile.bulk_group [$3, {$4, $5, $6}], [to];
            cp.async.bulk.commit_group;
            }
            """);
        return text.ToString();
    }
}
