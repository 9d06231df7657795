using TrigFlowNative.Kernels.Ptx;

using static TrigFlowNative.Kernels.AttentionWgmmaPtx;

namespace TrigFlowNative.Kernels;

/// <summary>The inline PTX of <see cref="WgmmaAttention"/>: its groups of products, and the softmax between logits and weights.</summary>
internal sealed partial class WgmmaAttentionPtx
{
    private readonly WgmmaAttentionTile tile;

    private WgmmaAttentionPtx(WgmmaAttentionTile tile) => this.tile = tile;

    private int OutputTiles => tile.Columns / 8;

    /// <summary>All macros by name; without a tangent, the macros of the tangent are empty.</summary>
    public static IReadOnlyDictionary<string, string> Of(WgmmaAttentionTile tile)
    {
        var text = new WgmmaAttentionPtx(tile);
        int? guarded = tile.Depth < 64 * tile.Chunks ? tile.Depth : null;
        return new Dictionary<string, string>(Registers.Concat(Turns(WgmmaAttentionTile.TakesTurns)))
        {
            ["declare"] = text.Declare(),
            ["begin"] = text.Begin(),
            // The wait of AsyncBarrier.Wait without a branch for the tangent: every path to a wait must have committed the same groups of products.
            ["tangentFilled"] = text.OnlyWithTangent("""
                {
                .reg .pred done;
                WAIT:
                mbarrier.try_wait.parity.shared::cta.b64 done, [$0], $1;
                @!done bra WAIT;
                }
                """),
            ["scores"] = text.Scores(),
            ["scoresOfTangent"] = text.OnlyWithTangent(text.AddScores(new PtxText(), 't', 'q', 0, overwrite: false).ToString()),
            ["outputs"] = text.Outputs(),
            ["outputsOfTangent"] = text.OnlyWithTangent(text.OutputsOfTangent()),
            // The groups are S, two for tS, O with the first part of tO, and the second part of tO; a wait for one leaves the later ones running.
            ["awaitScores"] = Await(tile.Tangent ? 2 : 0),
            ["awaitScoresBeforeOutputs"] = Await(tile.Tangent ? 4 : 1),
            ["awaitTangentsBeforeOutputs"] = text.OnlyWithTangent(Await(2)),
            ["mask"] = AttentionRowsPtx.Mask(LogitTiles),
            ["exponentials"] = text.Exponentials(),
            ["centre"] = text.OnlyWithTangent(AttentionRowsPtx.Centre(LogitTiles, AcrossRow)),
            ["tangents"] = text.OnlyWithTangent(Tangents()),
            ["rescale"] = text.Rescale(),
            ["pack"] = Pack(first: true, second: tile.Tangent),
            ["finish"] = AttentionRowsPtx.Finish(text.OutputTiles, tile.Tangent, AcrossRow),
            ["store"] = AttentionRowsPtx.Store('o', text.OutputTiles, guarded),
            ["store_u"] = text.OnlyWithTangent(AttentionRowsPtx.Store('u', text.OutputTiles, guarded)),
            ["store_log"] = AttentionRowsPtx.StoreLog,
        };
    }

    private string OnlyWithTangent(string text) => tile.Tangent ? text : "";

    private IEnumerable<char> OutputSums => tile.Tangent ? ['o', 'u'] : ['o'];

    private static void AcrossRow(PtxText text, string operation, string value, int use) => AttentionRowsPtx.AcrossLanes(text, operation, value);

    /// <summary>Declares registers and computes the address that a lane gives to ldmatrix. $0: 1 / sqrt(D).</summary>
    private string Declare()
    {
        PtxText text = new PtxText().Add(AttentionWgmmaPtx.Declare(tile.Columns, tile.Shares)).Add("""
            .reg .f32 max<2>, sum<2>, mean<2>, centre<2>, shrink<2>, log<2>;
            .reg .pred grow<2>;
            .reg .b32 q<16>, r<16>, line, piece;
            """);
        // A lane addresses row lane % 16 of its warp's rows, at 16 bytes that the swizzle permutes by the row modulo eight.
        text.Add("""
            mov.u32 line, %tid.x;
            and.b32 line, line, 96;
            shr.u32 line, line, 1;
            and.b32 piece, lane, 15;
            add.u32 line, line, piece;
            shl.b32 line, line, 7;
            {
            .reg .b32 side;
            and.b32 piece, lane, 7;
            shr.u32 side, lane, 4;
            xor.b32 piece, piece, side;
            shl.b32 piece, piece, 4;
            }
            """);
        return text.ToString();
    }

    /// <summary>Begins a tile; a warpgroup that owns rows loads their queries into registers, from address $0.</summary>
    private string Begin()
    {
        var text = new PtxText();
        for (int i = 0; i < 2; i++)
            text.Add($"""
                mov.f32 max{i}, {AttentionRowsPtx.MinusInfinity};
                mov.f32 sum{i}, {AttentionRowsPtx.Zero32};
                mov.f32 mean{i}, {AttentionRowsPtx.Zero32};
                """);
        foreach (char sum in OutputSums)
            text.Add(AttentionRowsPtx.Zero(sum, OutputTiles));
        if (tile.Shares)
            return text.ToString();
        text.Add("""
            {
            .reg .b32 from, at;
            add.u32 from, line, $0;
            """);
        for (int slice = 0; slice < 4; slice++)
        {
            text.Add($"""
                xor.b32 at, piece, {32 * slice};
                add.u32 at, at, from;
                ldmatrix.sync.aligned.m8n8.x4.shared.b16 {Operand('q', slice)}, [at];
                """);
            if (tile.Tangent)
                text.Add($"ldmatrix.sync.aligned.m8n8.x4.shared.b16 {Operand('r', slice)}, [at+{tile.QueryChunks * WgmmaBlock.ChunkBytes}];");
        }

        return text.Add("}").ToString();
    }

    /// <summary>Computes S = Q K^T and tS = tQ K^T, one group each. $0: descriptor of K; $1: descriptor of the queries, if both warpgroups own the same rows.</summary>
    private string Scores()
    {
        PtxText text = AddScores(new PtxText().Add(Fence), 's', 'q', 0, overwrite: true);
        if (tile.Tangent)
            AddScores(text, 't', 'r', tile.QueryChunks * ChunkStep, overwrite: true);
        return text.ToString();
    }

    private PtxText AddScores(PtxText text, char sum, char queries, int behind, bool overwrite) =>
        text.AddScores(sum, tile.Chunks, behind, overwrite, tile.Shares ? null : queries);

    /// <summary>O += P V and tO += H V; $0: descriptor of V.</summary>
    private string Outputs()
    {
        PtxText text = new PtxText().Add(Fence);
        for (int slice = 0; slice < Slices; slice++)
        {
            text.AddWeighted(tile.Columns, 'o', 'p', slice);
            if (tile.Tangent)
                text.AddWeighted(tile.Columns, 'u', 'h', slice);
        }

        return text.Add(Commit).ToString();
    }

    /// <summary>tO += P tV; $0: descriptor of tV.</summary>
    private string OutputsOfTangent()
    {
        var text = new PtxText();
        for (int slice = 0; slice < Slices; slice++)
            text.AddWeighted(tile.Columns, 'u', 'p', slice);
        return text.Add(Commit).ToString();
    }
}
