using System.Globalization;
using System.Numerics;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>Copies of tiles and row statistics to shared memory and registers, and the products of tiles.</summary>
internal sealed partial class AttentionMmaPtx
{
    private int CopyThreads => (int)BitOperations.RoundUpToPowerOf2((uint)(tiling.Width / 8));

    /// <summary>
    /// Starts the copy of a tile. $0: first channel of its first row; $1: number of its rows that exist; $2: bytes between rows. Missing rows and
    /// channels become zeros.
    /// </summary>
    private string Load(int rows, int place, string stage)
    {
        int step = tiling.Threads / CopyThreads;
        PtxText text = new PtxText().Add($$"""
            {
            .reg .b64 from, step;
            .reg .b32 valid, to, bytes;
            .reg .pred there;
            cvt.u64.u32 from, copy_row;
            mul.lo.u64 from, from, $2;
            cvt.u64.u32 step, copy_column;
            add.u64 from, from, step;
            add.u64 from, from, $0;
            mul.lo.u64 step, $2, {{step}};
            """);
        text.Add(stage.Length > 0 ? $"add.u32 to, copy, {stage};" : "mov.u32 to, copy;");
        text.Add("sub.s32 valid, $1, copy_row;");
        if (tiling.Width > tiling.Depth)
            text.Add($"""
                setp.lt.u32 there, copy_column, {2 * tiling.Depth};
                selp.b32 valid, valid, 0, there;
                """);
        if (step > rows)
            text.Add($"""
                .reg .pred on;
                setp.lt.and.u32 on, copy_row, {rows}, copies;
                """);
        for (int row = 0; row < rows; row += step)
        {
            text.Add($"""
                setp.gt.s32 there, valid, {row};
                selp.b32 bytes, 16, 0, there;
                @{(step > rows ? "on" : "copies")} cp.async.cg.shared.global [to+{place + row * tiling.Pitch}], [from], 16, bytes;
                add.u64 from, from, step;
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Loads log-sum-exp and delta of the lane's rows. $0, $1: the arrays at the block's first row; $2: number of rows that exist; $3: 1 / sqrt(D).</summary>
    private string RowStatistics()
    {
        PtxText text = new PtxText().Add($"""
            mov.f32 scale, $3;
            mul.f32 scale2, scale, {Log2E};
            """);
        text.Add("""
            {
            .reg .b64 at, from;
            .reg .b32 valid;
            .reg .pred there;
            sub.s32 valid, $2, row;
            mul.wide.u32 at, row, 4;
            """);
        for (int row = 0; row < 2; row++)
        {
            text.Add($"""
                setp.gt.s32 there, valid, {8 * row};
                mov.f32 log{row}, {Zero32};
                mov.f32 shift{row}, {Zero32};
                add.u64 from, at, $0;
                @there ld.global.f32 log{row}, [from+{32 * row}];
                add.u64 from, at, $1;
                @there ld.global.f32 shift{row}, [from+{32 * row}];
                mul.f32 log{row}, log{row}, {Log2E};
                neg.f32 log{row}, log{row};
                mul.f32 shift{row}, shift{row}, scale;
                neg.f32 shift{row}, shift{row};
                """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Starts the copy of an n tile's log-sum-exp and delta. $0, $1: their addresses; $2: number of rows that exist.</summary>
    private string LoadStatistics()
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .b64 from, at;
            .reg .b32 to, bytes;
            .reg .pred there, mine;
            """);
        text.Add($"""
            setp.lt.u32 mine, thread, {tiling.NTile};
            setp.lt.s32 there, thread, $2;
            selp.b32 bytes, 4, 0, there;
            mov.u32 to, dynsmem;
            mad.lo.u32 to, thread, 4, to;
            add.u32 to, to, fill;
            mul.wide.u32 at, thread, 4;
            """);
        for (int i = 0; i < 2; i++)
            text.Add($"""
                add.u64 from, at, ${i};
                @mine cp.async.ca.shared.global [to+{tiling.Statistic(i)}], [from], 4, bytes;
                """);
        return text.Add("}").ToString();
    }

    /// <summary>Computes S and, where the kernel uses it, T: the m tile times the n tile, over all channels.</summary>
    private string Logits()
    {
        var text = new PtxText();
        int pairs = LogitTiles / 2;
        text.Add($$"""
            {
            .reg .b32 from, a<8>, b<{{4 * pairs}}>;
            add.u32 from, right, use;
            """);
        foreach (char sum in LogitSums)
            text.Add(AttentionRowsPtx.Zero(sum, LogitTiles));
        for (int slice = 0; slice < tiling.Width / 16; slice++)
        {
            foreach (int left in logits.Select(term => term.Left).Distinct())
                text.Add(LoadMatrix($"a{4 * left}", $"own+{tiling.M(left) + 32 * slice}", transposed: false));
            foreach (IGrouping<int, AttentionTerm> terms in logits.GroupBy(term => term.Tile))
            {
                for (int i = 0; i < pairs; i++)
                    text.Add(LoadMatrix($"b{4 * i}", $"from+{tiling.N(terms.Key) + 16 * i * tiling.Pitch + 32 * slice}", transposed: false));
                foreach (AttentionTerm term in terms)
                    for (int i = 0; i < LogitTiles; i++)
                        text.Add(Multiply(term.Sum, i, $"a{4 * term.Left}", $"b{2 * i}"));
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Adds the products of weights and n tile, over all rows of the tile, to the outputs.</summary>
    private string Outputs()
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .b32 from, b<4>;
            add.u32 from, across, use;
            """);
        for (int slice = 0; slice < tiling.NTile / 16; slice++)
        {
            if (Paired)
                foreach (int weights in UsedWeights)
                    text.Add(LoadMatrix($"w{weights}_{4 * slice}", $"weight_in+{tiling.Weights(weights) + 32 * slice}", transposed: false));
            for (int pair = 0; pair < OutputTiles / 2; pair++)
            {
                foreach (IGrouping<int, AttentionTerm> terms in outputs.GroupBy(term => term.Tile))
                {
                    text.Add(LoadMatrix("b0", $"from+{tiling.N(terms.Key) + 16 * slice * tiling.Pitch + 32 * pair}", transposed: true));
                    foreach (AttentionTerm term in terms)
                        for (int i = 0; i < 2; i++)
                            text.Add(Multiply(term.Sum, 2 * pair + i, $"w{term.Left}_{4 * slice}", $"b{2 * i}"));
                }
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Rounds the weights to bf16, the left operand of the next product: in registers or, for a pair of warps, in shared memory.</summary>
    private void Pack(PtxText text)
    {
        if (Paired)
            text.Add("""
                {
                .reg .b32 word;
                """);
        foreach (int weights in UsedWeights)
        {
            for (int i = 0; i < 2 * LogitTiles; i++)
            {
                string word = Paired ? "word" : $"w{weights}_{i}";
                text.Add($"cvt.rn.bf16x2.f32 {word}, {Source(weights)}{2 * i + 1}, {Source(weights)}{2 * i};");
                if (Paired)
                    text.Add($"st.shared.b32 [weight_out+{tiling.Weights(weights) + i / 2 * 16 + i % 2 * 8 * tiling.WeightPitch}], word;");
            }
        }

        if (Paired)
            text.Add("""
                }
                bar.sync pair, 64;
                """);
    }

    /// <summary>Loads four 8 x 8 matrices into four consecutive registers.</summary>
    private static string LoadMatrix(string first, string address, bool transposed) =>
        $"ldmatrix.sync.aligned.m8n8.x4{(transposed ? ".trans" : "")}.shared.b16 {Registers(first, 4)}, [{address}];";

    /// <summary>Adds a product over 16 to a 16 x 8 sum; operands are named by their first registers.</summary>
    private static string Multiply(char sum, int tile, string left, string right)
    {
        string registers = Registers($"{sum}{4 * tile}", 4);
        return $"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {registers}, {Registers(left, 4)}, {Registers(right, 2)}, {registers};";
    }

    private static string Registers(string first, int count)
    {
        int digits = first.Length - first.AsSpan().TrimEnd("0123456789").Length;
        int number = int.Parse(first.AsSpan()[^digits..], CultureInfo.InvariantCulture);
        return $"{{{string.Join(", ", Enumerable.Range(number, count).Select(i => first[..^digits] + i.ToString(CultureInfo.InvariantCulture)))}}}";
    }
}
