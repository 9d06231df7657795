using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>A product that is added to a sum.</summary>
/// <param name="Sum">The sum's registers: s and t for the two logits, o and u for the two outputs.</param>
/// <param name="Left">Number of the m tile (logits), or 0 for the weights made from s and 1 for those from t (outputs).</param>
/// <param name="Tile">Number of the n tile.</param>
internal readonly record struct AttentionTerm(char Sum, int Left, int Tile);

/// <summary>
/// Text of the inline PTX of the attention kernels: registers, tile copies, and sequences of mma.sync. Control flow and addresses in global memory
/// are in C#; this text is straight-line code whose offsets are constants.
/// </summary>
/// <remarks>
/// Layouts (PTX ISA, m16n8k16 with bf16): with g = lane / 4 and c = 2 (lane % 4), a lane holds the elements (g, c), (g, c + 1), (g + 8, c), (g + 8, c
/// + 1) of a 16 x 8 sum. Two neighbouring sums, packed to bf16, are the left operand of the next product, so that weights stay in registers. ldmatrix
/// loads right operands from rows n x k as they are, and from rows k x n transposed.
/// </remarks>
internal sealed partial class AttentionMmaPtx
{
    private readonly AttentionTiling tiling;
    private readonly AttentionTerm[] logits;
    private readonly AttentionTerm[] outputs;
    private readonly Dictionary<string, string> macros = [];

    /// <summary>Writes the macros of a kernel.</summary>
    /// <param name="tiling">Extents of its tiles.</param>
    /// <param name="logits">S and, if there is one, T.</param>
    /// <param name="outputs">Products that are summed over n tiles.</param>
    private AttentionMmaPtx(AttentionTiling tiling, AttentionTerm[] logits, AttentionTerm[] outputs)
    {
        (this.tiling, this.logits, this.outputs) = (tiling, logits, outputs);
        macros["declare"] = Declare();
        for (int i = 0; i < 2; i++)
        {
            macros[$"load_m{i}"] = Load(tiling.MTile, tiling.M(i), "");
            macros[$"load_n{i}"] = Load(tiling.NTile, tiling.N(i), "fill");
            macros[$"load_n{i + 2}"] = Load(tiling.NTile, tiling.N(i + 2), "");
        }

        macros["logits"] = Logits();
        macros["outputs"] = Outputs();
        macros["mask"] = AttentionRowsPtx.Mask(LogitTiles);
    }

    /// <summary>O = P V.</summary>
    public static IReadOnlyDictionary<string, string> Forward(AttentionTiling tiling)
    {
        var text = new AttentionMmaPtx(tiling, [new('s', 0, 0)], [new('o', 0, 1)]);
        text.AddStages();
        text.AddSoftmax(tangent: false);
        return text.macros;
    }

    /// <summary>O = P V and, with H = P o (tS - c), P tV + H V. The n tiles are of K, V, tK and tV.</summary>
    public static IReadOnlyDictionary<string, string> Tangent(AttentionTiling tiling)
    {
        var text = new AttentionMmaPtx(
            tiling, [new('s', 0, 0), new('t', 1, 0), new('t', 0, 2)], [new('o', 0, 1), new('u', 1, 1), new('u', 0, 3)]);
        text.AddSoftmax(tangent: true);
        return text.macros;
    }

    /// <summary>dQ = dS K; m tiles are of Q and dO, n tiles of K and V.</summary>
    public static IReadOnlyDictionary<string, string> QueryGradient(AttentionTiling tiling)
    {
        var text = new AttentionMmaPtx(tiling, [new('s', 0, 0), new('t', 1, 1)], [new('o', 1, 0)]);
        text.AddStages();
        text.macros["rows"] = text.RowStatistics();
        text.macros["weights"] = text.GradientWeights(byRow: true);
        text.AddGradient("", 'o');
        return text.macros;
    }

    /// <summary>dV = P' dO and dK = dS' Q; m tiles are of K and V, n tiles of Q and dO, so that rows of the logits are keys.</summary>
    public static IReadOnlyDictionary<string, string> KeyValueGradient(AttentionTiling tiling)
    {
        var text = new AttentionMmaPtx(tiling, [new('s', 0, 0), new('t', 1, 1)], [new('o', 0, 1), new('u', 1, 0)]);
        text.AddStages();
        text.macros["load_statistics"] = text.LoadStatistics();
        text.macros["weights"] = text.GradientWeights(byRow: false);
        text.AddGradient("", 'o');
        text.AddGradient("_u", 'u');
        return text.macros;
    }

    /// <summary>Two stages take turns: "use" is the offset of the tiles in use, "fill" that of the stage which the next tiles fill.</summary>
    private void AddStages()
    {
        macros["arrived"] = $"""
            mov.u32 use, fill;
            sub.u32 fill, {tiling.StageBytes}, fill;
            """;
    }

    /// <summary>Adds the macros that store a gradient, and those that add it to its former value.</summary>
    private void AddGradient(string name, char sum)
    {
        macros["store" + name] = AttentionRowsPtx.Store(sum, OutputTiles, GuardedDepth);
        macros["add" + name] = AttentionRowsPtx.Add(sum, OutputTiles, GuardedDepth);
    }

    private bool Paired => tiling.Split > 1;

    /// <summary>Number of 16 x 8 logit sums of a warp.</summary>
    private int LogitTiles => tiling.NTile / tiling.Split / 8;

    /// <summary>Number of 16 x 8 output sums of a warp.</summary>
    private int OutputTiles => tiling.Width / tiling.Split / 8;

    /// <summary>Number of channels, where a warp's sums may lie beyond the last; null where all lie within.</summary>
    private int? GuardedDepth => tiling.Width > tiling.Depth ? tiling.Depth : null;

    private IEnumerable<char> LogitSums => logits.Select(term => term.Sum).Distinct();

    private IEnumerable<char> OutputSums => outputs.Select(term => term.Sum).Distinct();

    /// <summary>Numbers of the weights that the outputs use.</summary>
    private IEnumerable<int> UsedWeights => outputs.Select(term => term.Left).Distinct();

    /// <summary>The logits from which the weights are made.</summary>
    private static char Source(int weights) => weights == 0 ? 's' : 't';

    /// <summary>Declares registers, and computes each lane's addresses and offsets.</summary>
    private string Declare()
    {
        var text = new PtxText();
        foreach (char sum in LogitSums)
            text.Add($".reg .f32 {sum}<{4 * LogitTiles}>;");
        foreach (char sum in OutputSums)
            text.Add($".reg .f32 {sum}<{4 * OutputTiles}>;");
        foreach (int weights in UsedWeights)
            text.Add($".reg .b32 w{weights}_<{tiling.NTile / 4}>;");
        text.Add($"""
            .reg .f32 max<2>, sum<2>, mean<2>, centre<2>, log<2>, shift<2>, scale, scale2;
            .reg .b32 thread, lane, band, half, copy_row, copy_column, copy, own, right, across, weight_in, weight_out, exchange, partner, statistic;
            .reg .b32 row, column, channel, fill, use, pair;
            .reg .pred copies;
            mov.u32 thread, %tid.x;
            and.b32 lane, thread, 31;
            shr.u32 band, thread, 5;
            and.b32 half, band, {tiling.Split - 1};
            shr.u32 band, band, {tiling.Split - 1};
            add.u32 pair, band, 1;
            """);
        // Each thread copies sixteen bytes of a row. Neighbouring threads copy one row: as many as the smallest power of two that covers it.
        text.Add($$"""
            shr.u32 copy_row, thread, {{int.Log2(CopyThreads)}};
            and.b32 copy_column, thread, {{CopyThreads - 1}};
            setp.lt.u32 copies, copy_column, {{tiling.Width / 8}};
            mov.u32 own, dynsmem;
            mad.lo.u32 copy, copy_row, {{tiling.Pitch}}, own;
            shl.b32 copy_column, copy_column, 4;
            add.u32 copy, copy, copy_column;
            {
            .reg .b32 a, b, c, g;
            """);
        // row and byte that a lane addresses in a 16 x 16 operand
        text.Add($$"""
            and.b32 a, lane, 15;
            shr.u32 b, lane, 4;
            shl.b32 b, b, 4;
            mad.lo.u32 across, a, {{tiling.Pitch}}, own;
            add.u32 across, across, b;
            mad.lo.u32 weight_in, a, {{tiling.WeightPitch}}, own;
            add.u32 weight_in, weight_in, b;
            mad.lo.u32 weight_in, band, {{16 * tiling.WeightPitch}}, weight_in;
            and.b32 a, lane, 7;
            shr.u32 c, lane, 4;
            shl.b32 c, c, 3;
            add.u32 a, a, c;
            and.b32 c, lane, 8;
            shl.b32 c, c, 1;
            mad.lo.u32 right, a, {{tiling.Pitch}}, own;
            add.u32 right, right, c;
            mad.lo.u32 right, half, {{8 * LogitTiles * tiling.Pitch}}, right;
            shr.u32 g, lane, 2;
            mad.lo.u32 row, band, 16, g;
            and.b32 column, lane, 3;
            shl.b32 column, column, 1;
            mad.lo.u32 channel, half, {{8 * OutputTiles}}, column;
            mad.lo.u32 column, half, {{8 * LogitTiles}}, column;
            mad.lo.u32 weight_out, row, {{tiling.WeightPitch}}, own;
            mad.lo.u32 weight_out, column, 2, weight_out;
            mad.lo.u32 exchange, row, 4, own;
            mad.lo.u32 statistic, column, 4, own;
            xor.b32 a, half, 1;
            mad.lo.u32 partner, a, {{4 * tiling.MTile}}, exchange;
            mad.lo.u32 exchange, half, {{4 * tiling.MTile}}, exchange;
            mov.u32 c, across;
            mad.lo.u32 across, half, {{16 * OutputTiles}}, across;
            mad.lo.u32 own, band, {{16 * tiling.Pitch}}, c;
            }
            mov.u32 fill, 0;
            mov.u32 use, 0;
            """);
        foreach (char sum in OutputSums)
            text.Add(AttentionRowsPtx.Zero(sum, OutputTiles));
        return text.ToString();
    }
}
