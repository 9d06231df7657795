using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The softmax between logits and weights, and the normalisation after the last tile. Exponentials are powers of two, since the hardware computes
/// those; the two rows of a lane are numbered 0 and 1.
/// </summary>
internal sealed partial class AttentionMmaPtx
{
    private const string Log2E = AttentionRowsPtx.Log2E, MinusInfinity = AttentionRowsPtx.MinusInfinity, Zero32 = AttentionRowsPtx.Zero32;

    private void AddSoftmax(bool tangent)
    {
        macros["start"] = $"""
            mov.f32 scale, $0;
            mul.f32 scale2, scale, {Log2E};
            mov.f32 max0, {MinusInfinity};
            mov.f32 max1, {MinusInfinity};
            mov.f32 sum0, {Zero32};
            mov.f32 sum1, {Zero32};
            mov.f32 mean0, {Zero32};
            mov.f32 mean1, {Zero32};
            """;
        macros["weights"] = Softmax(tangent);
        macros["finish"] = AttentionRowsPtx.Finish(OutputTiles, tangent, AcrossRow);
        macros["store"] = AttentionRowsPtx.Store('o', OutputTiles, GuardedDepth);
        macros["store_log"] = AttentionRowsPtx.StoreLog;
        if (tangent)
        {
            macros["centre"] = AttentionRowsPtx.Centre(LogitTiles, AcrossRow);
            macros["store_u"] = AttentionRowsPtx.Store('u', OutputTiles, GuardedDepth);
        }
    }

    /// <summary>
    /// Computes weights exp(S - m) with the running maximum m, not normalised, their sums and, with a tangent, the sums of H. Rescales earlier sums
    /// to the new maximum.
    /// </summary>
    private string Softmax(bool tangent)
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .f32 new<2>, shrink<2>, minus<2>;
            mov.f32 new0, max0;
            mov.f32 new1, max1;
            """);
        for (int i = 0; i < 4 * LogitTiles; i++)
            text.Add($"max.f32 new{i / 2 % 2}, new{i / 2 % 2}, s{i};");
        AcrossRow(text, "max", "new", 0);
        for (int row = 0; row < 2; row++)
        {
            text.Add($"""
                mul.f32 minus{row}, new{row}, scale2;
                neg.f32 minus{row}, minus{row};
                fma.rn.f32 shrink{row}, max{row}, scale2, minus{row};
                ex2.approx.ftz.f32 shrink{row}, shrink{row};
                mov.f32 max{row}, new{row};
                mul.f32 sum{row}, sum{row}, shrink{row};
                """);
            if (tangent)
                text.Add($"""
                    mul.f32 mean{row}, mean{row}, shrink{row};
                    neg.f32 shift{row}, centre{row};
                    """);
        }

        for (int i = 0; i < 4 * LogitTiles; i++)
        {
            int row = i / 2 % 2;
            text.Add($"""
                fma.rn.f32 s{i}, s{i}, scale2, minus{row};
                ex2.approx.ftz.f32 s{i}, s{i};
                add.f32 sum{row}, sum{row}, s{i};
                """);
            if (tangent)
                text.Add($"""
                    fma.rn.f32 t{i}, t{i}, scale, shift{row};
                    mul.f32 t{i}, t{i}, s{i};
                    add.f32 mean{row}, mean{row}, t{i};
                    """);
        }

        foreach (char sum in OutputSums)
            for (int i = 0; i < 4 * OutputTiles; i++)
                text.Add($"mul.f32 {sum}{i}, {sum}{i}, shrink{i / 2 % 2};");
        Pack(text);
        return text.Add("}").ToString();
    }

    /// <summary>Combines a value of each of a lane's two rows over the row's four lanes and, if a pair of warps shares the row, over both warps.</summary>
    private void AcrossRow(PtxText text, string operation, string value, int region)
    {
        AttentionRowsPtx.AcrossLanes(text, operation, value);
        if (Paired)
        {
            text.Add("""
                {
                .reg .f32 other<2>;
                """);
            int place = tiling.Exchange + region * tiling.ExchangeBytes;
            text.Add($$"""
                st.shared.f32 [exchange+{{place}}], {{value}}0;
                st.shared.f32 [exchange+{{place + 32}}], {{value}}1;
                bar.sync pair, 64;
                ld.shared.f32 other0, [partner+{{place}}];
                ld.shared.f32 other1, [partner+{{place + 32}}];
                {{operation}}.f32 {{value}}0, {{value}}0, other0;
                {{operation}}.f32 {{value}}1, {{value}}1, other1;
                }
                """);
        }
    }

    /// <summary>Computes P = exp(S - lse) and dS = P (dP - delta) / sqrt(D); the statistics belong to rows or to columns. $0 is 1 / sqrt(D) for columns.</summary>
    private string GradientWeights(bool byRow)
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .f32 l<2>, d<2>;
            """);
        if (!byRow)
            text.Add($"""
                .reg .b32 from;
                mov.f32 scale, $0;
                mul.f32 scale2, scale, {Log2E};
                add.u32 from, statistic, use;
                """);
        for (int i = 0; i < 4 * LogitTiles; i++)
        {
            if (!byRow && i % 4 == 0)
            {
                text.Add($$"""
                    ld.shared.v2.f32 {l0, l1}, [from+{{tiling.Statistic(0) + 8 * i}}];
                    ld.shared.v2.f32 {d0, d1}, [from+{{tiling.Statistic(1) + 8 * i}}];
                    """);
                for (int column = 0; column < 2; column++)
                    text.Add($"""
                        mul.f32 l{column}, l{column}, {Log2E};
                        neg.f32 l{column}, l{column};
                        mul.f32 d{column}, d{column}, scale;
                        neg.f32 d{column}, d{column};
                        """);
            }

            string log = byRow ? $"log{i / 2 % 2}" : $"l{i % 2}", delta = byRow ? $"shift{i / 2 % 2}" : $"d{i % 2}";
            text.Add($"""
                fma.rn.f32 s{i}, s{i}, scale2, {log};
                ex2.approx.ftz.f32 s{i}, s{i};
                fma.rn.f32 t{i}, t{i}, scale, {delta};
                mul.f32 t{i}, t{i}, s{i};
                """);
        }

        Pack(text);
        return text.Add("}").ToString();
    }
}
