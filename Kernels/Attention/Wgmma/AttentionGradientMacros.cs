using TrigFlowNative.Kernels.Ptx;

using static TrigFlowNative.Kernels.WgmmaAttentionText;

namespace TrigFlowNative.Kernels;

/// <summary>Text of the inline PTX of <see cref="WgmmaAttentionGradient"/>.</summary>
internal static class AttentionGradientMacros
{
    /// <summary>All macros by name.</summary>
    public static IReadOnlyDictionary<string, string> Of(AttentionGradientTile tile)
    {
        int outputs = tile.Columns / 8;
        int? guarded = tile.Depth < 64 * tile.Chunks ? tile.Depth : null;
        return new Dictionary<string, string>(Registers.Concat(Turns(WgmmaAttentionTile.TakesTurns && tile.Overlaps)))
        {
            ["declare"] = Declare(tile.Columns, tile.Shares) + "\n.reg .f32 less<2>, delta<2>;",
            ["begin"] = Begin(tile),
            ["weights"] = "wgmma.fence.sync.aligned;\n" + Scores('s', tile.Chunks, 0, overwrite: true),
            ["gradients"] = Scores('t', tile.Chunks, tile.OwnChunks * ChunkStep, overwrite: true),
            ["mask"] = tile.OwnsKeys ? "" : AttentionRows.Mask(LogitTiles), // a streamed query that is not there has a log-sum-exp for which all weights are 0
            ["exponentials"] = Exponentials(tile.OwnsKeys),
            ["differences"] = Differences(tile.OwnsKeys),
            ["pack"] = Pack(first: tile.OwnsKeys, second: true),
            ["outputs"] = Outputs(tile),
            ["awaitOutputs"] = tile.Overlaps ? "" : Await(0),
            ["store"] = AttentionRows.Store('o', outputs, guarded),
            ["store_u"] = tile.OwnsKeys ? AttentionRows.Store('u', outputs, guarded) : "",
            ["add"] = AttentionRows.Add('o', outputs, guarded),
            ["add_u"] = tile.OwnsKeys ? AttentionRows.Add('u', outputs, guarded) : "",
        };
    }

    /// <summary>Begins a tile; where queries are owned takes the lane's rows' statistics, whose address is $0.</summary>
    private static string Begin(AttentionGradientTile tile)
    {
        var text = new PtxLines().Add(AttentionRows.Zero('o', tile.Columns / 8));
        if (tile.OwnsKeys)
            return text.Add(AttentionRows.Zero('u', tile.Columns / 8)).ToString();
        text.Add("{\n.reg .b64 from;\nmul.wide.u32 from, row, 4;\nadd.u64 from, from, $0;");
        for (int i = 0; i < 2; i++)
            text.Add($"ld.global.f32 less{i}, [from+{32 * i}];\nld.global.f32 delta{i}, [from+{AttentionGradientTile.StatisticBytes / 2 + 32 * i}];");
        return text.Add("}").ToString();
    }

    /// <summary>P = exp(S - lse), where that belongs to rows, or to columns; then $0 is its place.</summary>
    private static string Exponentials(bool byColumn)
    {
        var text = new PtxLines().Add("{").Add(Statistics(byColumn, 'l'));
        for (int i = 0; i < Sums; i++)
        {
            if (byColumn && i % 4 == 0)
                text.Add($"ld.shared.v2.f32 {{l0, l1}}, [from+{8 * i}];");
            text.Add($"fma.rn.f32 s{i}, s{i}, scale2, {(byColumn ? $"l{i % 2}" : $"less{i / 2 % 2}")};\nex2.approx.ftz.f32 s{i}, s{i};");
        }

        return text.Add("}").ToString();
    }

    /// <summary>dS = P o (dP - delta) / sqrt(D); the rest as for P.</summary>
    private static string Differences(bool byColumn)
    {
        var text = new PtxLines().Add("{").Add(Statistics(byColumn, 'd'));
        for (int i = 0; i < Sums; i++)
        {
            if (byColumn && i % 4 == 0)
                text.Add($"ld.shared.v2.f32 {{d0, d1}}, [from+{AttentionGradientTile.StatisticBytes / 2 + 8 * i}];");
            text.Add($"fma.rn.f32 t{i}, t{i}, scale, {(byColumn ? $"d{i % 2}" : $"delta{i / 2 % 2}")};\nmul.f32 t{i}, t{i}, s{i};");
        }

        return text.Add("}").ToString();
    }

    /// <summary>The address of the statistic of a lane's first column, if statistics belong to columns.</summary>
    private static string Statistics(bool byColumn, char name) =>
        byColumn ? $".reg .f32 {name}<2>;\n.reg .b32 from;\nmad.lo.u32 from, column, 4, $0;" : "";

    /// <summary>dQ += dS K, or dV += P^T dO and dK += dS^T Q. $0, $1: descriptors of the streamed tiles of S, K or Q, and of dP.</summary>
    private static string Outputs(AttentionGradientTile tile)
    {
        var text = new PtxLines().Add("wgmma.fence.sync.aligned;");
        for (int slice = 0; slice < Slices; slice++)
            text.Add(tile.OwnsKeys
                ? Weighted(tile.Columns, 'o', 'p', slice, "$1") + Weighted(tile.Columns, 'u', 'h', slice)
                : Weighted(tile.Columns, 'o', 'h', slice));
        return text.Add(Commit).ToString();
    }
}
