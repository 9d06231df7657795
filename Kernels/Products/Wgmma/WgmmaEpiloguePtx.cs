using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The inline PTX of <see cref="WgmmaConvolution"/>'s epilogue: it rounds sums into shared memory, from where bulk copies store them, or stores them in fp32.
/// </summary>
internal static class WgmmaEpiloguePtx
{
    /// <summary>Treatment of sums: multiplied by a factor; biased and multiplied; only rounded.</summary>
    public const int Scaled = 0, Biased = 1, Plain = 2;

    /// <summary>
    /// Rounds alpha (sum + bias) + beta residual to bf16 into shared memory, two runs of eight columns at a time. $0: address that the thread has in the chunk
    /// for the first two runs (<see cref="WgmmaConvolution"/>); $1: the same in the residual's chunk; $2: address of the bias; $3: number of columns that are
    /// left; $4, $5: whether the two rows take the bias, as 0 or 1; $6: alpha; $7: beta; $8: the treatment of the sums, the same in the whole warpgroup.
    /// </summary>
    public static string Bf16Chunk(WgmmaTile tile, int chunk)
    {
        int runs = tile.RunsOf(chunk);
        var text = new PtxText();
        text.Add($$"""
            {
            .reg .f32 b0, b1, v0, v1, v2, v3, r0, r1;
            .reg .b32 at, half, pair<{{2 * runs + 2}}>, old<4>;
            .reg .pred in, any, biased, plain;
            """);
        DeclareProjectionBias(text, tile);
        text.Add($"setp.eq.s32 any, $8, {Biased};");
        if (!tile.Residual)
        {
            text.Add($"""
                setp.eq.s32 plain, $8, {Plain};
                @plain bra PLAIN;
                """);
        }

        for (int run = 0; run < runs; run++)
        {
            if (tile.Residual && run % 2 == 0)
            {
                text.Add($$"""
                    xor.b32 at, $1, {{16 * run}};
                    ldmatrix.sync.aligned.m8n8.x4.shared.b16 {old0, old1, old2, old3}, [at];
                    """);
            }

            ScaleRun(text, tile, chunk, run);
            if (tile.Residual)
            {
                AddResidual(text, $"old{run % 2 * 2}", "v0", "v1");
                AddResidual(text, $"old{run % 2 * 2 + 1}", "v2", "v3");
            }

            text.Add($"""
                cvt.rn.bf16x2.f32 pair{2 * run}, v1, v0;
                cvt.rn.bf16x2.f32 pair{2 * run + 1}, v3, v2;
                """);
        }

        if (!tile.Residual)
        {
            text.Add("""
                bra STORE;
                PLAIN:
                """);
            for (int pair = 0; pair < 2 * runs; pair++)
                text.Add($"cvt.rn.bf16x2.f32 pair{pair}, acc{32 * chunk + 2 * pair + 1}, acc{32 * chunk + 2 * pair};");
            text.Add("STORE:");
        }

        for (int run = 0; run < runs; run += 2)
        {
            int second = run + 1 < runs ? run + 1 : run; // an odd last run is paired with itself; its second half is not stored to memory
            text.Add($$"""
                xor.b32 at, $0, {{16 * run}};
                stmatrix.sync.aligned.m8n8.x4.shared.b16 [at], {pair{{2 * run}}, pair{{2 * run + 1}}, pair{{2 * second}}, pair{{2 * second + 1}}};
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>
    /// Stores the same value in fp32 from registers. $0, $1: addresses of the first column in the two rows; $2: address of the bias; $3: number of columns that
    /// are left; $4, $5: whether the rows take the bias; $6: alpha; $7: beta, 0 to ignore the former value; $8, $9: whether to store the rows.
    /// </summary>
    public static string Fp32Chunk(WgmmaTile tile, int chunk)
    {
        int runs = tile.RunsOf(chunk);
        var text = new PtxText();
        text.Add($$"""
            {
            .reg .f32 b0, b1, v0, v1, v2, v3, old<{{4 * runs}}>;
            .reg .pred in, any, biased, low, high, add;
            setp.neu.f32 add, $7, 0f00000000;
            """);
        DeclareProjectionBias(text, tile);
        text.Add("""
            add.f32 b0, $4, $5;
            setp.neu.f32 any, b0, 0f00000000;
            """);
        for (int run = 0; run < runs; run++) // addends are loaded before the first store; otherwise every load would wait for the store before it
        {
            FindRows(text, run);
            text.Add($$"""
                and.pred low, low, add;
                and.pred high, high, add;
                mov.f32 old{{4 * run}}, 0f00000000;
                mov.f32 old{{4 * run + 1}}, 0f00000000;
                @low ld.global.v2.f32 {old{{4 * run}}, old{{4 * run + 1}}}, [$0 + {{32 * run}}];
                mov.f32 old{{4 * run + 2}}, 0f00000000;
                mov.f32 old{{4 * run + 3}}, 0f00000000;
                @high ld.global.v2.f32 {old{{4 * run + 2}}, old{{4 * run + 3}}}, [$1 + {{32 * run}}];
                """);
        }

        for (int run = 0; run < runs; run++)
        {
            ScaleRun(text, tile, chunk, run);
            FindRows(text, run);
            text.Add($$"""
                fma.rn.f32 v0, old{{4 * run}}, $7, v0;
                fma.rn.f32 v1, old{{4 * run + 1}}, $7, v1;
                fma.rn.f32 v2, old{{4 * run + 2}}, $7, v2;
                fma.rn.f32 v3, old{{4 * run + 3}}, $7, v3;
                @low st.global.v2.f32 [$0 + {{32 * run}}], {v0, v1};
                @high st.global.v2.f32 [$1 + {{32 * run}}], {v2, v3};
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Declares and sets the address of the projection shortcut's bias.</summary>
    private static void DeclareProjectionBias(PtxText text, WgmmaTile tile)
    {
        if (tile.Shortcut)
        {
            text.Add("""
                .reg .b64 second;
                add.s64 second, $2, apart;
                """);
        }
    }

    private static void AddResidual(PtxText text, string pair, string first, string second) => text.Add($"""
        shl.b32 half, {pair}, 16;
        mov.b32 r0, half;
        and.b32 half, {pair}, 0xFFFF0000;
        mov.b32 r1, half;
        fma.rn.f32 {first}, r0, $7, {first};
        fma.rn.f32 {second}, r1, $7, {second};
        """);

    /// <summary>Sets "low" and "high" if a run of eight columns is to be stored in the two rows.</summary>
    private static void FindRows(PtxText text, int run) => text.Add($"""
        setp.gt.s32 in, $3, {8 * run};
        setp.ne.and.s32 low, $8, 0, in;
        setp.ne.and.s32 high, $9, 0, in;
        """);

    /// <summary>v0 to v3 = alpha (sum + bias) of a run of eight columns; sets the predicate "in" if they are columns of the output.</summary>
    private static void ScaleRun(PtxText text, WgmmaTile tile, int chunk, int run)
    {
        int sum = 32 * chunk + 4 * run;
        text.Add($$"""
            setp.gt.s32 in, $3, {{8 * run}};
            mov.f32 b0, 0f00000000;
            mov.f32 b1, 0f00000000;
            and.pred biased, in, any;
            @biased ld.global.nc.v2.f32 {b0, b1}, [$2 + {{32 * run}}];
            """);
        if (tile.Shortcut)
        {
            text.Add($$"""
                mov.f32 v0, 0f00000000;
                mov.f32 v1, 0f00000000;
                @biased ld.global.nc.v2.f32 {v0, v1}, [second + {{32 * run}}];
                add.f32 b0, b0, v0;
                add.f32 b1, b1, v1;
                """);
        }

        text.Add($"""
            fma.rn.f32 v0, b0, $4, acc{sum};
            fma.rn.f32 v1, b1, $4, acc{sum + 1};
            fma.rn.f32 v2, b0, $5, acc{sum + 2};
            fma.rn.f32 v3, b1, $5, acc{sum + 3};
            mul.f32 v0, v0, $6;
            mul.f32 v1, v1, $6;
            mul.f32 v2, v2, $6;
            mul.f32 v3, v3, $6;
            """);
    }
}
