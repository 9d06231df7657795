using TrigFlowNative.Kernels.Ptx;

using static TrigFlowNative.Kernels.AttentionWgmmaPtx;

namespace TrigFlowNative.Kernels;

/// <summary>The inline PTX of <see cref="WgmmaAttentionGradient"/>.</summary>
internal static class WgmmaAttentionGradientPtx
{
    /// <summary>All macros by name.</summary>
    public static IReadOnlyDictionary<string, string> Of(WgmmaAttentionGradientTile tile)
    {
        int outputs = tile.Columns / 8;
        int? guarded = tile.Depth < 64 * tile.Chunks ? tile.Depth : null;
        return new Dictionary<string, string>(Registers.Concat(Turns(WgmmaAttentionTile.TakesTurns && tile.Overlaps)))
        {
            ["declare"] = new PtxText().Add(Declare(tile.Columns, tile.Shares)).Add(".reg .f32 less<2>, delta<2>;").ToString(),
            ["begin"] = Begin(tile),
            ["weights"] = new PtxText().Add(Fence).AddScores('s', tile.Chunks, 0, overwrite: true).ToString(),
            ["gradients"] = new PtxText().AddScores('t', tile.Chunks, tile.OwnChunks * ChunkStep, overwrite: true).ToString(),
            ["mask"] = tile.OwnsKeys ? "" : AttentionRowsPtx.Mask(LogitTiles), // a missing query of an n tile has a log-sum-exp that makes all its weights 0
            ["exponentials"] = Exponentials(tile.OwnsKeys),
            ["differences"] = Differences(tile.OwnsKeys),
            ["pack"] = Pack(first: tile.OwnsKeys, second: true),
            ["outputs"] = Outputs(tile),
            ["awaitOutputs"] = tile.Overlaps ? "" : Await(0),
            ["store"] = AttentionRowsPtx.Store('o', outputs, guarded),
            ["store_u"] = tile.OwnsKeys ? AttentionRowsPtx.Store('u', outputs, guarded) : "",
            ["add"] = AttentionRowsPtx.Add('o', outputs, guarded),
            ["add_u"] = tile.OwnsKeys ? AttentionRowsPtx.Add('u', outputs, guarded) : "",
        };
    }

    /// <summary>Begins a tile; if the block owns queries, loads the statistics of the lane's rows, whose address is $0.</summary>
    private static string Begin(WgmmaAttentionGradientTile tile)
    {
        PtxText text = new PtxText().Add(AttentionRowsPtx.Zero('o', tile.Columns / 8));
        if (tile.OwnsKeys)
            return text.Add(AttentionRowsPtx.Zero('u', tile.Columns / 8)).ToString();
        text.Add("""
            {
            .reg .b64 from;
            mul.wide.u32 from, row, 4;
            add.u64 from, from, $0;
            """);
        for (int i = 0; i < 2; i++)
            text.Add($"""
                ld.global.f32 less{i}, [from+{32 * i}];
                ld.global.f32 delta{i}, [from+{WgmmaAttentionGradientTile.StatisticBytes / 2 + 32 * i}];
                """);
        return text.Add("}").ToString();
    }

    /// <summary>Computes P = exp(S - lse), where lse belongs to rows or to columns; for columns $0 is its address.</summary>
    private static string Exponentials(bool byColumn)
    {
        PtxText text = Statistics(byColumn, 'l');
        for (int i = 0; i < Sums; i++)
        {
            string less = byColumn ? $"l{i % 2}" : $"less{i / 2 % 2}";
            if (byColumn && i % 4 == 0)
                text.Add($$"""ld.shared.v2.f32 {l0, l1}, [from+{{8 * i}}];""");
            text.Add($"""
                fma.rn.f32 s{i}, s{i}, scale2, {less};
                ex2.approx.ftz.f32 s{i}, s{i};
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Computes dS = P o (dP - delta) / sqrt(D), where delta belongs to rows or to columns; for columns $0 is its address.</summary>
    private static string Differences(bool byColumn)
    {
        PtxText text = Statistics(byColumn, 'd');
        for (int i = 0; i < Sums; i++)
        {
            string delta = byColumn ? $"d{i % 2}" : $"delta{i / 2 % 2}";
            if (byColumn && i % 4 == 0)
                text.Add($$"""ld.shared.v2.f32 {d0, d1}, [from+{{WgmmaAttentionGradientTile.StatisticBytes / 2 + 8 * i}}];""");
            text.Add($"""
                fma.rn.f32 t{i}, t{i}, scale, {delta};
                mul.f32 t{i}, t{i}, s{i};
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Begins a scope with the address of the statistic of a lane's first column, if statistics belong to columns.</summary>
    private static PtxText Statistics(bool byColumn, char name)
    {
        PtxText text = new PtxText().Add("{");
        if (byColumn)
            text.Add($"""
                .reg .f32 {name}<2>;
                .reg .b32 from;
                mad.lo.u32 from, column, 4, $0;
                """);
        return text;
    }

    /// <summary>dQ += dS K, or dV += P^T dO and dK += dS^T Q. $0, $1: descriptors of the n tiles of S, K or Q, and of dP.</summary>
    private static string Outputs(WgmmaAttentionGradientTile tile)
    {
        PtxText text = new PtxText().Add(Fence);
        for (int slice = 0; slice < Slices; slice++)
        {
            if (tile.OwnsKeys)
                text.AddWeighted(tile.Columns, 'o', 'p', slice, "$1").AddWeighted(tile.Columns, 'u', 'h', slice);
            else
                text.AddWeighted(tile.Columns, 'o', 'h', slice);
        }

        return text.Add(Commit).ToString();
    }
}
