using System.Globalization;
using System.Numerics;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>A product that a sum of the tensor-core kernels takes in.</summary>
/// <param name="Sum">The sum's registers: s and t for the two logits, o and u for the two outputs.</param>
/// <param name="Left">Number of the own tile (logits), or 0 for the weights made from s and 1 for those from t (outputs).</param>
/// <param name="Tile">Number of the streamed tile.</param>
internal readonly record struct AttentionTerm(char Sum, int Left, int Tile);

/// <summary>
/// Text of the inline PTX of the attention kernels: which registers there are, tile copies, and the mma.sync sequences. Control flow
/// and addresses in global memory are the kernels', in C#; what this writes is straight-line code whose offsets are constants.
/// </summary>
/// <remarks>
/// Layouts (PTX ISA, m16n8k16 with bf16): with g = lane / 4 and c = 2 (lane % 4), a lane holds of a 16 x 8 sum the elements
/// (g, c), (g, c + 1), (g + 8, c), (g + 8, c + 1). Two neighbouring sums packed to bf16 are the left operand of a next product, so
/// that weights stay in registers. ldmatrix gives right operands from rows n x k as they lie, from rows k x n transposed.
/// </remarks>
internal sealed partial class AttentionMacros
{
    private readonly AttentionTiling tiling;
    private readonly AttentionTerm[] logits;
    private readonly AttentionTerm[] outputs;
    private readonly Dictionary<string, string> macros = [];

    /// <summary>Writes the macros of a kernel.</summary>
    /// <param name="tiling">Extents of its tiles.</param>
    /// <param name="logits">S and, if there is one, T.</param>
    /// <param name="outputs">What is summed over streamed tiles.</param>
    private AttentionMacros(AttentionTiling tiling, AttentionTerm[] logits, AttentionTerm[] outputs)
    {
        (this.tiling, this.logits, this.outputs) = (tiling, logits, outputs);
        macros["declare"] = Declare();
        for (int i = 0; i < 2; i++)
        {
            macros[$"load_own{i}"] = Load(tiling.Rows, tiling.Own(i), "");
            macros[$"load_tile{i}"] = Load(tiling.Streamed, tiling.Tile(i), "fill");
            macros[$"load_tile{i + 2}"] = Load(tiling.Streamed, tiling.Tile(i + 2), "");
        }

        macros["logits"] = Logits();
        macros["outputs"] = Outputs();
        macros["mask"] = AttentionRows.Mask(LogitTiles);
    }

    private bool Paired => tiling.Split > 1;

    /// <summary>Sums of 16 x 8 logits of a warp.</summary>
    private int LogitTiles => tiling.Streamed / tiling.Split / 8;

    /// <summary>Sums of 16 x 8 output elements of a warp.</summary>
    private int OutputTiles => tiling.Width / tiling.Split / 8;

    /// <summary>Channels beyond which an output has none, or null where a warp's sums have all of theirs.</summary>
    private int? GuardedDepth => tiling.Width > tiling.Depth ? tiling.Depth : null;

    private IEnumerable<char> LogitSums => logits.Select(term => term.Sum).Distinct();

    private IEnumerable<char> OutputSums => outputs.Select(term => term.Sum).Distinct();

    /// <summary>Numbers of the weights that outputs take in.</summary>
    private IEnumerable<int> UsedWeights => outputs.Select(term => term.Left).Distinct();

    /// <summary>The sum that weights are made from.</summary>
    private static char Source(int weights) => weights == 0 ? 's' : 't';

    /// <summary>Registers, and the addresses and places of a lane.</summary>
    private string Declare()
    {
        var text = new PtxLines();
        foreach (char sum in LogitSums)
            text.Add($".reg .f32 {sum}<{4 * LogitTiles}>;");
        foreach (char sum in OutputSums)
            text.Add($".reg .f32 {sum}<{4 * OutputTiles}>;");
        foreach (int weights in UsedWeights)
            text.Add($".reg .b32 w{weights}_<{tiling.Streamed / 4}>;");
        text.Add(".reg .f32 max<2>, sum<2>, mean<2>, centre<2>, log<2>, shift<2>, scale, scale2;");
        text.Add(".reg .b32 thread, lane, band, half, copy_row, copy_column, copy, own, right, across, weight_in, weight_out, exchange, partner, statistic;");
        text.Add(".reg .b32 row, column, channel, fill, use, pair;");
        text.Add(".reg .pred copies;");
        text.Add("mov.u32 thread, %tid.x;");
        text.Add("and.b32 lane, thread, 31;");
        text.Add("shr.u32 band, thread, 5;");
        text.Add($"and.b32 half, band, {tiling.Split - 1};");
        text.Add($"shr.u32 band, band, {tiling.Split - 1};");
        text.Add("add.u32 pair, band, 1;");
        // Sixteen bytes of a row for each thread: neighbouring threads copy a row, as many as the power of two that covers it.
        text.Add($"shr.u32 copy_row, thread, {int.Log2(CopyThreads)};");
        text.Add($"and.b32 copy_column, thread, {CopyThreads - 1};");
        text.Add($"setp.lt.u32 copies, copy_column, {tiling.Width / 8};");
        text.Add("mov.u32 own, dynsmem;");
        text.Add($"mad.lo.u32 copy, copy_row, {tiling.Pitch}, own;");
        text.Add("shl.b32 copy_column, copy_column, 4;");
        text.Add("add.u32 copy, copy, copy_column;");
        text.Add("{\n.reg .b32 a, b, c, g;");
        text.Add("and.b32 a, lane, 15;\nshr.u32 b, lane, 4;\nshl.b32 b, b, 4;"); // row and byte of a 16 x 16 operand that a lane points at
        text.Add($"mad.lo.u32 across, a, {tiling.Pitch}, own;\nadd.u32 across, across, b;");
        text.Add($"mad.lo.u32 weight_in, a, {tiling.WeightPitch}, own;\nadd.u32 weight_in, weight_in, b;");
        text.Add($"mad.lo.u32 weight_in, band, {16 * tiling.WeightPitch}, weight_in;");
        text.Add("and.b32 a, lane, 7;\nshr.u32 c, lane, 4;\nshl.b32 c, c, 3;\nadd.u32 a, a, c;\nand.b32 c, lane, 8;\nshl.b32 c, c, 1;");
        text.Add($"mad.lo.u32 right, a, {tiling.Pitch}, own;\nadd.u32 right, right, c;");
        text.Add($"mad.lo.u32 right, half, {8 * LogitTiles * tiling.Pitch}, right;");
        text.Add("shr.u32 g, lane, 2;\nmad.lo.u32 row, band, 16, g;");
        text.Add("and.b32 column, lane, 3;\nshl.b32 column, column, 1;");
        text.Add($"mad.lo.u32 channel, half, {8 * OutputTiles}, column;");
        text.Add($"mad.lo.u32 column, half, {8 * LogitTiles}, column;");
        text.Add($"mad.lo.u32 weight_out, row, {tiling.WeightPitch}, own;\nmad.lo.u32 weight_out, column, 2, weight_out;");
        text.Add($"mad.lo.u32 exchange, row, 4, own;\nmad.lo.u32 statistic, column, 4, own;");
        text.Add($"xor.b32 a, half, 1;\nmad.lo.u32 partner, a, {4 * tiling.Rows}, exchange;\nmad.lo.u32 exchange, half, {4 * tiling.Rows}, exchange;");
        text.Add($"mov.u32 c, across;\nmad.lo.u32 across, half, {16 * OutputTiles}, across;\nmad.lo.u32 own, band, {16 * tiling.Pitch}, c;\n}}");
        text.Add("mov.u32 fill, 0;\nmov.u32 use, 0;");
        foreach (char sum in OutputSums)
            text.Add(AttentionRows.Zero(sum, OutputTiles));
        return text.ToString();
    }

    private int CopyThreads => (int)BitOperations.RoundUpToPowerOf2((uint)(tiling.Width / 8));

    /// <summary>
    /// Starts the copy of a tile: $0 its first row's first channel, $1 how many of its rows there are, $2 the bytes between rows.
    /// Rows and channels that are not there become zeros.
    /// </summary>
    private string Load(int rows, int place, string stage)
    {
        int step = tiling.Threads / CopyThreads;
        var text = new PtxLines();
        text.Add("{\n.reg .b64 from, step;\n.reg .b32 valid, to, bytes;\n.reg .pred there;");
        text.Add("cvt.u64.u32 from, copy_row;\nmul.lo.u64 from, from, $2;\ncvt.u64.u32 step, copy_column;\nadd.u64 from, from, step;\nadd.u64 from, from, $0;");
        text.Add($"mul.lo.u64 step, $2, {step};");
        text.Add(stage.Length > 0 ? $"add.u32 to, copy, {stage};" : "mov.u32 to, copy;");
        text.Add("sub.s32 valid, $1, copy_row;");
        if (tiling.Width > tiling.Depth)
            text.Add($"setp.lt.u32 there, copy_column, {2 * tiling.Depth};\nselp.b32 valid, valid, 0, there;");
        if (step > rows)
            text.Add($".reg .pred on;\nsetp.lt.and.u32 on, copy_row, {rows}, copies;");
        for (int row = 0; row < rows; row += step)
        {
            text.Add($"setp.gt.s32 there, valid, {row};\nselp.b32 bytes, 16, 0, there;");
            text.Add($"@{(step > rows ? "on" : "copies")} cp.async.cg.shared.global [to+{place + row * tiling.Pitch}], [from], 16, bytes;");
            text.Add("add.u64 from, from, step;");
        }

        return text.Add("}").ToString();
    }

    /// <summary>S, and T where it is wanted: own rows times streamed rows, over all channels.</summary>
    private string Logits()
    {
        var text = new PtxLines();
        int pairs = LogitTiles / 2;
        text.Add($"{{\n.reg .b32 from, a<8>, b<{4 * pairs}>;\nadd.u32 from, right, use;");
        foreach (char sum in LogitSums)
            text.Add(AttentionRows.Zero(sum, LogitTiles));
        for (int slice = 0; slice < tiling.Width / 16; slice++)
        {
            foreach (int left in logits.Select(term => term.Left).Distinct())
                text.Add(LoadMatrix($"a{4 * left}", $"own+{tiling.Own(left) + 32 * slice}", transposed: false));
            foreach (IGrouping<int, AttentionTerm> terms in logits.GroupBy(term => term.Tile))
            {
                for (int i = 0; i < pairs; i++)
                    text.Add(LoadMatrix($"b{4 * i}", $"from+{tiling.Tile(terms.Key) + 16 * i * tiling.Pitch + 32 * slice}", transposed: false));
                foreach (AttentionTerm term in terms)
                    for (int i = 0; i < LogitTiles; i++)
                        text.Add(Multiply(term.Sum, i, $"a{4 * term.Left}", $"b{2 * i}"));
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Adds the weights' products with streamed rows to the outputs, over all rows of the tile.</summary>
    private string Outputs()
    {
        var text = new PtxLines();
        text.Add("{\n.reg .b32 from, b<4>;\nadd.u32 from, across, use;");
        for (int slice = 0; slice < tiling.Streamed / 16; slice++)
        {
            if (Paired)
                foreach (int weights in UsedWeights)
                    text.Add(LoadMatrix($"w{weights}_{4 * slice}", $"weight_in+{tiling.Weights(weights) + 32 * slice}", transposed: false));
            for (int pair = 0; pair < OutputTiles / 2; pair++)
            {
                foreach (IGrouping<int, AttentionTerm> terms in outputs.GroupBy(term => term.Tile))
                {
                    text.Add(LoadMatrix("b0", $"from+{tiling.Tile(terms.Key) + 16 * slice * tiling.Pitch + 32 * pair}", transposed: true));
                    foreach (AttentionTerm term in terms)
                        for (int i = 0; i < 2; i++)
                            text.Add(Multiply(term.Sum, 2 * pair + i, $"w{term.Left}_{4 * slice}", $"b{2 * i}"));
                }
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Rounds the weights to bf16: the next product's left operand, in registers or, for a pair of warps, in shared memory.</summary>
    private void Pack(PtxLines text)
    {
        if (Paired)
            text.Add("{\n.reg .b32 word;");
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
            text.Add("}\nbar.sync pair, 64;");
    }

    /// <summary>Four 8 x 8 matrices to four registers from the one named on.</summary>
    private static string LoadMatrix(string first, string address, bool transposed) =>
        $"ldmatrix.sync.aligned.m8n8.x4{(transposed ? ".trans" : "")}.shared.b16 {Registers(first, 4)}, [{address}];";

    /// <summary>A 16 x 8 sum plus a product over 16; operands are given by their first registers.</summary>
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
