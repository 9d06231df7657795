using System.Globalization;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Text of the inline PTX of <see cref="WgmmaAttention"/>: registers, products, and what lies between logits and weights. Sums of a
/// warpgroup lie as those of mma.sync do, 16 rows to each warp, so that what <see cref="AttentionRows"/> writes serves both.
/// </summary>
internal sealed class WgmmaAttentionMacros
{
    /// <summary>Products over 16 of 64 streamed rows.</summary>
    private const int Slices = WgmmaAttentionTile.Streamed / 16;

    private const int LogitTiles = WgmmaAttentionTile.Streamed / 8, Sums = 4 * LogitTiles;

    /// <summary>Steps of a descriptor, in units of 16 bytes: to the next chunk; 16 channels along a row; 16 rows down.</summary>
    private const int ChunkStep = WgmmaTile.ChunkBytes / 16, AlongStep = 16 * 2 / 16, DownStep = 16 * 128 / 16;

    /// <summary>How far, as a power of two, a logit may exceed its row's reference before that follows: exponents of bf16 reach much further.</summary>
    private const string Headroom = "0f41000000"; // 8

    private const string Commit = "wgmma.commit_group.sync.aligned;";

    private readonly WgmmaAttentionTile tile;

    private WgmmaAttentionMacros(WgmmaAttentionTile tile) => this.tile = tile;

    private int OutputTiles => tile.Columns / 8;

    /// <summary>All macros by name; those of a tangent that is not there are empty.</summary>
    public static IReadOnlyDictionary<string, string> Of(WgmmaAttentionTile tile)
    {
        var text = new WgmmaAttentionMacros(tile);
        int? guarded = tile.Depth < 64 * tile.Chunks ? tile.Depth : null;
        return new Dictionary<string, string>
        {
            ["declare"] = text.Declare(),
            ["fewRegisters"] = "setmaxnreg.dec.sync.aligned.u32 24;", // 24 and twice 240 are three times 168
            ["manyRegisters"] = "setmaxnreg.inc.sync.aligned.u32 240;",
            ["begin"] = text.Begin(),
            // The wait of AsyncBarrier.Wait, without a branch where there is no tangent: groups of products must be the same on every path to a wait for them.
            ["tangentFilled"] = text.OnlyWithTangent("{\n.reg .pred done;\nWAIT:\nmbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;\n@!done bra WAIT;\n}"),
            ["scores"] = text.Scores(),
            ["scoresOfTangent"] = text.OnlyWithTangent(text.ScoresOf('t', 'q', 0, overwrite: false)),
            ["outputs"] = text.Outputs(),
            ["outputsOfTangent"] = text.OnlyWithTangent(string.Concat(Enumerable.Range(0, Slices).Select(slice => text.Weighted('u', 'p', slice))) + Commit),
            // Groups are S, two for tS, O with the first part of tO, and its second part: waits leave those behind at work.
            ["awaitScores"] = Await(tile.Tangent ? 2 : 0),
            ["awaitScoresBeforeOutputs"] = Await(tile.Tangent ? 4 : 1),
            ["awaitTangentsBeforeOutputs"] = text.OnlyWithTangent(Await(2)),
            ["mask"] = AttentionRows.Mask(LogitTiles),
            ["exponentials"] = text.Exponentials(),
            ["centre"] = text.OnlyWithTangent(AttentionRows.Centre(LogitTiles, AcrossRow)),
            ["tangents"] = text.OnlyWithTangent(Tangents()),
            ["rescale"] = text.Rescale(),
            ["pack"] = text.Pack(),
            ["finish"] = AttentionRows.Finish(text.OutputTiles, tile.Tangent, AcrossRow),
            ["store"] = AttentionRows.Store('o', text.OutputTiles, guarded, add: false),
            ["store_u"] = text.OnlyWithTangent(AttentionRows.Store('u', text.OutputTiles, guarded, add: false)),
            ["store_log"] = AttentionRows.StoreLog,
        };
    }

    private static string Await(int groups) => string.Create(CultureInfo.InvariantCulture, $"wgmma.wait_group.sync.aligned {groups};");

    private string OnlyWithTangent(string text) => tile.Tangent ? text : "";

    private IEnumerable<char> OutputSums => tile.Tangent ? ['o', 'u'] : ['o'];

    private static void AcrossRow(PtxLines text, string operation, string value, int use) => AttentionRows.AcrossLanes(text, operation, value);

    /// <summary>Registers, and the places of a lane: its row of the warpgroup's 64, its first column and channel, where it points ldmatrix. $0: 1 / sqrt(D).</summary>
    private string Declare()
    {
        var text = new PtxLines();
        text.Add($".reg .f32 s<{Sums}>, t<{Sums}>, o<{4 * OutputTiles}>, u<{4 * OutputTiles}>;");
        text.Add($".reg .b32 p<{Sums / 2}>, h<{Sums / 2}>, q<16>, r<16>;");
        text.Add(".reg .f32 max<2>, sum<2>, mean<2>, centre<2>, shrink<2>, log<2>, scale, scale2;");
        text.Add(".reg .b32 sbase, lane, half, row, column, channel, line, piece;");
        text.Add(".reg .pred always, never, grow<2>;\n.reg .b64 da, db;");
        text.Add($"mov.u32 sbase, {Engine.Cuda.PtxSource.SharedMemory};\nsetp.eq.s32 always, 0, 0;\nsetp.ne.s32 never, 0, 0;");
        text.Add($"mov.f32 scale, $0;\nmul.f32 scale2, scale, {AttentionRows.Log2E};");
        text.Add("{\n.reg .b32 thread, warp;\nmov.u32 thread, %tid.x;\nand.b32 lane, thread, 31;\nshr.u32 warp, thread, 5;\nand.b32 warp, warp, 3;");
        text.Add("shr.u32 row, lane, 2;\nmad.lo.u32 row, warp, 16, row;\nand.b32 column, lane, 3;\nshl.b32 column, column, 1;");
        text.Add(tile.Shares
            ? $"shr.u32 half, thread, 7;\nmad.lo.u32 channel, half, {tile.Columns}, column;"
            : "mov.u32 half, 0;\nmov.u32 channel, column;");
        // A lane points at row lane % 16 of its warp's, at 16 bytes that the swizzle has moved by the row within eight.
        text.Add("and.b32 line, lane, 15;\nmad.lo.u32 line, warp, 16, line;\nshl.b32 line, line, 7;");
        text.Add("and.b32 piece, lane, 7;\nshr.u32 thread, lane, 4;\nxor.b32 piece, piece, thread;\nshl.b32 piece, piece, 4;\n}");
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
                text.Add($"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {{{Operand('r', slice)}}}, [at+{tile.QueryChunks * WgmmaTile.ChunkBytes}];");
        }

        return text.Add("}").ToString();
    }

    /// <summary>S = Q K^T and tS = tQ K^T, a group each. $0: descriptor of K; $1: of the queries, where both warpgroups have the same.</summary>
    private string Scores() => "wgmma.fence.sync.aligned;\n" + ScoresOf('s', 'q', 0, overwrite: true)
        + OnlyWithTangent("\n" + ScoresOf('t', 'r', tile.QueryChunks * ChunkStep, overwrite: true));

    /// <summary>A product of queries and keys over all channels, from registers or, so far behind the first, from shared memory.</summary>
    private string ScoresOf(char sum, char queries, int behind, bool overwrite)
    {
        var text = new PtxLines();
        for (int slice = 0; slice < 4 * tile.Chunks; slice++)
        {
            int step = slice / 4 * ChunkStep + slice % 4 * AlongStep;
            text.Add($"add.s64 db, $0, {step};");
            if (tile.Shares)
                text.Add($"add.s64 da, $1, {behind + step};");
            text.Add(Product(64, sum, Sums, tile.Shares ? "da" : $"{{{Operand(queries, slice)}}}", overwrite && slice == 0 ? "never" : "always", tile.Shares ? "0, 0" : "0"));
        }

        return text.Add(Commit).ToString();
    }

    /// <summary>O += P V and tO += H V; $0: descriptor of V.</summary>
    private string Outputs()
    {
        var text = new PtxLines().Add("wgmma.fence.sync.aligned;");
        for (int slice = 0; slice < Slices; slice++)
            text.Add(Weighted('o', 'p', slice) + OnlyWithTangent(Weighted('u', 'h', slice)));
        return text.Add(Commit).ToString();
    }

    /// <summary>A product of weights and 16 rows of values, whose descriptor is $0.</summary>
    private string Weighted(char sum, char weights, int slice) =>
        $"add.s64 db, $0, {slice * DownStep};\n{Product(tile.Columns, sum, 4 * OutputTiles, $"{{{Operand(weights, slice)}}}", "always", "1")}\n";

    private static string Product(int columns, char sum, int count, string left, string keep, string transposed) =>
        $"wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {{{string.Join(", ", Enumerable.Range(0, count).Select(i => $"{sum}{i}"))}}}, {left}, db, {keep}, 1, 1, {transposed};";

    /// <summary>The four registers of a left operand's slice.</summary>
    private static string Operand(char name, int slice) => string.Join(", ", Enumerable.Range(4 * slice, 4).Select(i => $"{name}{i}"));

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

    /// <summary>Rounds the weights to bf16: neighbouring sums are a word of the next product's left operand.</summary>
    private string Pack()
    {
        var text = new PtxLines();
        for (int i = 0; i < Sums / 2; i++)
        {
            text.Add($"cvt.rn.bf16x2.f32 p{i}, s{2 * i + 1}, s{2 * i};");
            if (tile.Tangent)
                text.Add($"cvt.rn.bf16x2.f32 h{i}, t{2 * i + 1}, t{2 * i};");
        }

        return text.ToString();
    }
}
