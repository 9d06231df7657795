using TrigFlowNative.Kernels.Ptx;

using static TrigFlowNative.Kernels.AttentionWgmmaPtx;

namespace TrigFlowNative.Kernels;

/// <summary>The softmax between logits and weights.</summary>
internal sealed partial class WgmmaAttentionPtx
{
    /// <summary>Power of two by which a logit may exceed its row's reference before the reference is replaced; bf16's exponents reach much further.</summary>
    private const string Headroom = "0f41000000"; // 8

    /// <summary>
    /// Computes P = exp(S - m) with a reference m for each row, not normalised, and its sums. Sets "grow" where a row's reference has changed, and
    /// "shrink" to the factor of the earlier sums.
    /// </summary>
    private string Exponentials()
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .f32 new<2>, far<2>, minus<2>, part<2>;
            mov.f32 new0, s0;
            mov.f32 new1, s2;
            mov.f32 far0, s1;
            mov.f32 far1, s3;
            """);
        for (int i = 4; i < Sums; i++)
        {
            string max = $"{(i % 2 == 0 ? "new" : "far")}{i / 2 % 2}";
            text.Add($"max.f32 {max}, {max}, s{i};");
        }

        text.Add("""
            max.f32 new0, new0, far0;
            max.f32 new1, new1, far1;
            """);
        AttentionRowsPtx.AcrossLanes(text, "max", "new");
        for (int row = 0; row < 2; row++)
        {
            text.Add($"""
                sub.f32 far{row}, new{row}, max{row};
                mul.f32 far{row}, far{row}, scale2;
                setp.gt.f32 grow{row}, far{row}, {Headroom};
                selp.f32 new{row}, new{row}, max{row}, grow{row};
                mul.f32 minus{row}, new{row}, scale2;
                neg.f32 minus{row}, minus{row};
                mov.f32 shrink{row}, 0f3F800000;
                @grow{row} fma.rn.f32 shrink{row}, max{row}, scale2, minus{row};
                @grow{row} ex2.approx.ftz.f32 shrink{row}, shrink{row};
                mov.f32 max{row}, new{row};
                mul.f32 sum{row}, sum{row}, shrink{row};
                mov.f32 part{row}, {AttentionRowsPtx.Zero32};
                """);
            if (tile.Tangent)
                text.Add($"mul.f32 mean{row}, mean{row}, shrink{row};");
        }

        for (int i = 0; i < Sums; i++)
        {
            string total = $"{(i % 2 == 0 ? "sum" : "part")}{i / 2 % 2}";
            text.Add($"""
                fma.rn.f32 s{i}, s{i}, scale2, minus{i / 2 % 2};
                ex2.approx.ftz.f32 s{i}, s{i};
                add.f32 {total}, {total}, s{i};
                """);
        }

        return text.Add("""
            add.f32 sum0, sum0, part0;
            add.f32 sum1, sum1, part1;
            }
            """).ToString();
    }

    /// <summary>Computes H = P o (tS - c) and its sums.</summary>
    private static string Tangents()
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .f32 shift<2>, part<2>;
            neg.f32 shift0, centre0;
            neg.f32 shift1, centre1;
            mov.f32 part0, 0f00000000;
            mov.f32 part1, 0f00000000;
            """);
        for (int i = 0; i < Sums; i++)
        {
            string total = $"{(i % 2 == 0 ? "mean" : "part")}{i / 2 % 2}";
            text.Add($"""
                fma.rn.f32 t{i}, t{i}, scale, shift{i / 2 % 2};
                mul.f32 t{i}, t{i}, s{i};
                add.f32 {total}, {total}, t{i};
                """);
        }

        return text.Add("""
            add.f32 mean0, mean0, part0;
            add.f32 mean1, mean1, part1;
            }
            """).ToString();
    }

    /// <summary>Rescales the earlier sums if one of the warp's rows has a new reference.</summary>
    private string Rescale()
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .pred any;
            or.pred any, grow0, grow1;
            vote.sync.any.pred any, any, 0xffffffff;
            @!any bra KEEP;
            """);
        foreach (char sum in OutputSums)
            for (int i = 0; i < 4 * OutputTiles; i++)
                text.Add($"mul.f32 {sum}{i}, {sum}{i}, shrink{i / 2 % 2};");
        return text.Add("""
            KEEP:
            }
            """).ToString();
    }
}
