using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Inline PTX that the attention kernels on wgmma share: a lane's rows and columns, products, waits. The sums of a warpgroup have the layout of
/// mma.sync, 16 rows for each warp, so that the text of <see cref="AttentionRowsPtx"/> serves both.
/// </summary>
internal static class AttentionWgmmaPtx
{
    /// <summary>Number of products, each over 16 rows, of an n tile.</summary>
    public const int Slices = WgmmaAttentionTile.NTile / 16;

    /// <summary>Number of logit sums of 8 columns; number of logits of a thread.</summary>
    public const int LogitTiles = WgmmaAttentionTile.NTile / 8, Sums = 4 * LogitTiles;

    /// <summary>Step from a chunk to the next in a descriptor's units of 16 bytes.</summary>
    public const int ChunkStep = WgmmaBlock.ChunkBytes / 16;

    private const int ProducerRegisters = 24;

    public const string Fence = "wgmma.fence.sync.aligned;", Commit = "wgmma.commit_group.sync.aligned;";

    /// <summary>Moves registers from the producer warpgroup to the consumers.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Registers =>
        [new("fewRegisters", WgmmaBlock.ReleaseRegisters(ProducerRegisters)), new("manyRegisters", WgmmaBlock.TakeRegisters(ProducerRegisters))];

    /// <summary>
    /// Lets two warpgroups start their products in turn, so that one computes weights while the products of the other run. A warpgroup waits for its
    /// own turn, then passes the turn on. $0: 1 plus the number of the other warpgroup.
    /// </summary>
    public static IEnumerable<KeyValuePair<string, string>> Turns(bool taken) =>
        [new("awaitTurn", taken ? "bar.sync $0, 256;" : ""), new("passTurn", taken ? "bar.arrive $0, 256;" : "")];

    /// <summary>Waits until at most <paramref name="groups"/> groups of products are still running.</summary>
    public static string Await(int groups) => $"wgmma.wait_group.sync.aligned {groups};";

    /// <summary>
    /// Declares and sets the values that every kernel needs: "scale" from $0; the thread's lane; its first row of the warpgroup's 64; its first
    /// column of logits and first channel of outputs; "half", the number of the warpgroup if both own the same rows, otherwise 0.
    /// </summary>
    /// <param name="columns">Channels that a warpgroup sums.</param>
    /// <param name="shares">Whether both warpgroups own the same rows.</param>
    public static string Declare(int columns, bool shares)
    {
        int outputs = columns / 2;
        return $"""
            .reg .f32 s<{Sums}>, t<{Sums}>, o<{outputs}>, u<{outputs}>, scale, scale2;
            .reg .b32 p<{Sums / 2}>, h<{Sums / 2}>, sbase, lane, half, row, column, channel;
            .reg .pred always, never;
            .reg .b64 da, db;
            mov.u32 sbase, {PtxSource.SharedMemory};
            add.u32 sbase, sbase, 1023;
            and.b32 sbase, sbase, 0xFFFFFC00;
            setp.eq.s32 always, 0, 0;
            setp.ne.s32 never, 0, 0;
            mov.f32 scale, $0;
            mul.f32 scale2, scale, {AttentionRowsPtx.Log2E};
            mov.u32 row, %tid.x;
            and.b32 lane, row, 31;
            shr.u32 half, row, 7;
            and.b32 row, row, 96;
            shr.u32 row, row, 1;
            shr.u32 column, lane, 2;
            add.u32 row, row, column;
            and.b32 column, lane, 3;
            shl.b32 column, column, 1;
            mad.lo.u32 channel, half, {(shares ? columns : 0)}, column;
            and.b32 half, half, {(shares ? 1 : 0)};
            """;
    }

    /// <summary>
    /// Adds the product of an m tile and an n tile over all channels, as one group. $0: descriptor of the n tile; $1: descriptor of the m tile, to
    /// which <paramref name="behind"/> is added, unless the m tile is in registers.
    /// </summary>
    public static PtxText AddScores(this PtxText text, char sum, int chunks, int behind, bool overwrite, char? registers = null)
    {
        for (int slice = 0; slice < 4 * chunks; slice++)
        {
            int step = slice / 4 * ChunkStep + slice % 4 * WgmmaOperand.DepthStep(WgmmaOperand.AlongRows);
            text.Add($"add.s64 db, $0, {step};");
            if (registers is null)
                text.Add($"add.s64 da, $1, {behind + step};");
            text.Add(Product(
                WgmmaAttentionTile.NTile, sum, registers is { } name ? Operand(name, slice) : "da", overwrite && slice == 0 ? "never" : "always",
                registers is null ? "0, 0" : "0"));
        }

        return text.Add(Commit);
    }

    /// <summary>Adds the product of weights and 16 rows of an n tile, whose descriptor is in $0 or another parameter.</summary>
    public static PtxText AddWeighted(this PtxText text, int columns, char sum, char weights, int slice, string tile = "$0") => text
        .Add($"add.s64 db, {tile}, {slice * WgmmaOperand.DepthStep(WgmmaOperand.AcrossRows)};")
        .Add(Product(columns, sum, Operand(weights, slice), "always", "1"));

    /// <summary>Rounds the weights in s, in t or in both to bf16: two neighbouring sums form one word of the next product's left operand.</summary>
    public static string Pack(bool first, bool second)
    {
        var text = new PtxText();
        for (int i = 0; i < Sums / 2; i++)
        {
            if (first)
                text.Add($"cvt.rn.bf16x2.f32 p{i}, s{2 * i + 1}, s{2 * i};");
            if (second)
                text.Add($"cvt.rn.bf16x2.f32 h{i}, t{2 * i + 1}, t{2 * i};");
        }

        return text.ToString();
    }

    /// <summary>The four registers of a left operand's slice.</summary>
    public static string Operand(char name, int slice) => Words(name, 4 * slice, 4);

    private static string Product(int columns, char sum, string left, string keep, string transposed) =>
        $"wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {Words(sum, 0, columns / 2)}, {left}, db, {keep}, 1, 1, {transposed};";

    private static string Words(char name, int first, int count) => $"{{{string.Join(", ", Enumerable.Range(first, count).Select(i => $"{name}{i}"))}}}";
}
