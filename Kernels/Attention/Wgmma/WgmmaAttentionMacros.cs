using TrigFlowNative.Kernels.Ptx;

using static TrigFlowNative.Kernels.WgmmaAttentionText;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Text of the inline PTX of <see cref="WgmmaAttention"/>: the products of its groups, and what lies between logits and weights.
/// </summary>
internal sealed class WgmmaAttentionMacros
{
    /// <summary>How far, as a power of two, a logit may exceed its row's reference before that follows: exponents of bf16 reach much further.</summary>
    private const string Headroom = "0f41000000"; // 8

    private readonly WgmmaAttentionTile tile;

    private WgmmaAttentionMacros(WgmmaAttentionTile tile) => this.tile = tile;

    private int OutputTiles => tile.Columns / 8;

    /// <summary>All macros by name; those of a tangent that is not there are empty.</summary>
    public static IReadOnlyDictionary<string, string> Of(WgmmaAttentionTile tile)
    {
        var text = new WgmmaAttentionMacros(tile);
        int? guarded = tile.Depth < 64 * tile.Chunks ? tile.Depth : null;
        return new Dictionary<string, string>(Registers.Concat(Turns(WgmmaAttentionTile.TakesTurns)))
        {
            ["declare"] = text.Declare(),
            ["begin"] = text.Begin(),
            // The wait of AsyncBarrier.Wait, without a branch where there is no tangent: groups of products must be the same on every path to a wait for them.
            ["tangentFilled"] = text.OnlyWithTangent("{\n.reg .pred done;\nWAIT:\nmbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;\n@!done bra WAIT;\n}"),
            ["scores"] = text.Scores(),
            ["scoresOfTangent"] = text.OnlyWithTangent(text.ScoresOf('t', 'q', 0, overwrite: false)),
            ["outputs"] = text.Outputs(),
            ["outputsOfTangent"] = text.OnlyWithTangent(string.Concat(Enumerable.Range(0, Slices).Select(slice => Weighted(tile.Columns, 'u', 'p', slice))) + Commit),
            // Groups are S, two for tS, O with the first part of tO, and its second part: waits leave those behind at work.
            ["awaitScores"] = Await(tile.Tangent ? 2 : 0),
            ["awaitScoresBeforeOutputs"] = Await(tile.Tangent ? 4 : 1),
            ["awaitTangentsBeforeOutputs"] = text.OnlyWithTangent(Await(2)),
            ["mask"] = AttentionRows.Mask(LogitTiles),
            ["exponentials"] = text.Exponentials(),
            ["centre"] = text.OnlyWithTangent(AttentionRows.Centre(LogitTiles, AcrossRow)),
            ["tangents"] = text.OnlyWithTangent(Tangents()),
            ["rescale"] = text.Rescale(),
            ["pack"] = Pack(first: true, second: tile.Tangent),
            ["finish"] = AttentionRows.Finish(text.OutputTiles, tile.Tangent, AcrossRow),
            ["store"] = AttentionRows.Store('o', text.OutputTiles, guarded),
            ["store_u"] = text.OnlyWithTangent(AttentionRows.Store('u', text.OutputTiles, guarded)),
            ["store_log"] = AttentionRows.StoreLog,
        };
    }

    private string OnlyWithTangent(string text) => tile.Tangent ? text : "";

    private IEnumerable<char> OutputSums => tile.Tangent ? ['o', 'u'] : ['o'];

    private static void AcrossRow(PtxLines text, string operation, string value, int use) => AttentionRows.AcrossLanes(text, operation, value);

    /// <summary>Registers, and where a lane points ldmatrix. $0: 1 / sqrt(D).</summary>
    private string Declare()
    {
        var text = new PtxLines().Add(WgmmaAttentionText.Declare(tile.Columns, tile.Shares));
        text.Add(".reg .f32 max<2>, sum<2>, mean<2>, centre<2>, shrink<2>, log<2>;\n.reg .pred grow<2>;\n.reg .b32 q<16>, r<16>, line, piece;");
        // A lane points at row lane % 16 of its warp's, at 16 bytes that the swizzle has moved by the row within eight.
        text.Add("mov.u32 line, %tid.x;\nand.b32 line, line, 96;\nshr.u32 line, line, 1;\nand.b32 piece, lane, 15;\nadd.u32 line, line, piece;\nshl.b32 line, line, 7;");
        text.Add("{\n.reg .b32 side;\nand.b32 piece, lane, 7;\nshr.u32 side, lane, 4;\nxor.b32 piece, piece, side;\nshl.b32 piece, piece, 4;\n}");
        return text.ToString();
    }

    /// <summary>Begins a tile; where a warpgroup has rows of its own takes their queries to registers, $0 being their address.</summary>
    private string Begin()
    {
        var text = new PtxLines();
        for (int i = 0; i < 2; i++)
            text.Add($"mov.f32 max{i}, {AttentionRows.MinusInfinity};\nmov.f32 sum{i}, {AttentionRows.Zero32};\nmov.f32 mean{i}, {AttentionRows.Zero32};");
        foreach (char sum in OutputSums)
            text.Add(AttentionRows.Zero(sum, OutputTiles));
        if (tile.Shares)
            return text.ToString();
        text.Add("{\n.reg .b32 from, at;\nadd.u32 from, line, $0;");
        for (int slice = 0; slice < 4; slice++)
        {
            text.Add($"xor.b32 at, piece, {32 * slice};\nadd.u32 at, at, from;");
            text.Add($"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{{Operand('q', slice)}}}, [at];");
            if (tile.Tangent)
                text.Add($"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{{Operand('r', slice)}}}, [at+{tile.QueryChunks * WgmmaBlock.ChunkBytes}];");
        }

        return text.Add("}").ToString();
    }

    /// <summary>S = Q K^T and tS = tQ K^T, a group each. $0: descriptor of K; $1: of the queries, where both warpgroups have the same.</summary>
    private string Scores() => "wgmma.fence.sync.aligned;\n" + ScoresOf('s', 'q', 0, overwrite: true)
        + OnlyWithTangent("\n" + ScoresOf('t', 'r', tile.QueryChunks * ChunkStep, overwrite: true));

    private string ScoresOf(char sum, char queries, int behind, bool overwrite) =>
        WgmmaAttentionText.Scores(sum, tile.Chunks, behind, overwrite, tile.Shares ? null : queries);

    /// <summary>O += P V and tO += H V; $0: descriptor of V.</summary>
    private string Outputs()
    {
        var text = new PtxLines().Add("wgmma.fence.sync.aligned;");
        for (int slice = 0; slice < Slices; slice++)
            text.Add(Weighted(tile.Columns, 'o', 'p', slice) + OnlyWithTangent(Weighted(tile.Columns, 'u', 'h', slice)));
        return text.Add(Commit).ToString();
    }

    /// <summary>
    /// P = exp(S - m) with a reference m for each row, not normalised, and the sums of it. Sets grow where a row's reference has moved,
    /// and by how much what was summed before has to shrink.
    /// </summary>
    private string Exponentials()
    {
        var text = new PtxLines().Add("{\n.reg .f32 new<2>, far<2>, minus<2>, part<2>;\nmov.f32 new0, s0;\nmov.f32 new1, s2;\nmov.f32 far0, s1;\nmov.f32 far1, s3;");
        for (int i = 4; i < Sums; i++)
            text.Add($"max.f32 {(i % 2 == 0 ? "new" : "far")}{i / 2 % 2}, {(i % 2 == 0 ? "new" : "far")}{i / 2 % 2}, s{i};");
        text.Add("max.f32 new0, new0, far0;\nmax.f32 new1, new1, far1;");
        AttentionRows.AcrossLanes(text, "max", "new");
        for (int row = 0; row < 2; row++)
        {
            text.Add($"sub.f32 far{row}, new{row}, max{row};\nmul.f32 far{row}, far{row}, scale2;\nsetp.gt.f32 grow{row}, far{row}, {Headroom};");
            text.Add($"selp.f32 new{row}, new{row}, max{row}, grow{row};\nmul.f32 minus{row}, new{row}, scale2;\nneg.f32 minus{row}, minus{row};");
            text.Add($"mov.f32 shrink{row}, 0f3F800000;\n@grow{row} fma.rn.f32 shrink{row}, max{row}, scale2, minus{row};\n@grow{row} ex2.approx.ftz.f32 shrink{row}, shrink{row};");
            text.Add($"mov.f32 max{row}, new{row};\nmul.f32 sum{row}, sum{row}, shrink{row};\nmov.f32 part{row}, {AttentionRows.Zero32};");
            if (tile.Tangent)
                text.Add($"mul.f32 mean{row}, mean{row}, shrink{row};");
        }

        for (int i = 0; i < Sums; i++)
        {
            string total = $"{(i % 2 == 0 ? "sum" : "part")}{i / 2 % 2}";
            text.Add($"fma.rn.f32 s{i}, s{i}, scale2, minus{i / 2 % 2};\nex2.approx.ftz.f32 s{i}, s{i};\nadd.f32 {total}, {total}, s{i};");
        }

        return text.Add("add.f32 sum0, sum0, part0;\nadd.f32 sum1, sum1, part1;\n}").ToString();
    }

    /// <summary>H = P o (tS - c), and the sums of it.</summary>
    private static string Tangents()
    {
        var text = new PtxLines().Add("{\n.reg .f32 shift<2>, part<2>;\nneg.f32 shift0, centre0;\nneg.f32 shift1, centre1;\nmov.f32 part0, 0f00000000;\nmov.f32 part1, 0f00000000;");
        for (int i = 0; i < Sums; i++)
        {
            string total = $"{(i % 2 == 0 ? "mean" : "part")}{i / 2 % 2}";
            text.Add($"fma.rn.f32 t{i}, t{i}, scale, shift{i / 2 % 2};\nmul.f32 t{i}, t{i}, s{i};\nadd.f32 {total}, {total}, t{i};");
        }

        return text.Add("add.f32 mean0, mean0, part0;\nadd.f32 mean1, mean1, part1;\n}").ToString();
    }

    /// <summary>Shrinks what was summed under former references, if one of the warp's rows has a new one.</summary>
    private string Rescale()
    {
        var text = new PtxLines().Add("{\n.reg .pred any;\nor.pred any, grow0, grow1;\nvote.sync.any.pred any, any, 0xffffffff;\n@!any bra KEEP;");
        foreach (char sum in OutputSums)
            for (int i = 0; i < 4 * OutputTiles; i++)
                text.Add($"mul.f32 {sum}{i}, {sum}{i}, shrink{i / 2 % 2};");
        return text.Add("KEEP:\n}").ToString();
    }
}
