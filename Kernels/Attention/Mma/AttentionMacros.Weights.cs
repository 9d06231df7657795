using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// What lies between logits and weights, and after the last tile. Exponentials are powers of two, as the hardware has them; the two
/// rows of a lane are numbered 0 and 1.
/// </summary>
internal sealed partial class AttentionMacros
{
    private const string Log2E = AttentionRows.Log2E, MinusInfinity = AttentionRows.MinusInfinity, Zero32 = AttentionRows.Zero32;

    /// <summary>O = P V.</summary>
    public static IReadOnlyDictionary<string, string> Forward(AttentionTiling tiling)
    {
        var text = new AttentionMacros(tiling, [new('s', 0, 0)], [new('o', 0, 1)]);
        text.AddStages();
        text.AddSoftmax(tangent: false);
        return text.macros;
    }

    /// <summary>O = P V and, with H = P o (tS - c), P tV + H V. Streamed are K, V, tK and tV.</summary>
    public static IReadOnlyDictionary<string, string> Tangent(AttentionTiling tiling)
    {
        var text = new AttentionMacros(
            tiling, [new('s', 0, 0), new('t', 1, 0), new('t', 0, 2)], [new('o', 0, 1), new('u', 1, 1), new('u', 0, 3)]);
        text.AddSoftmax(tangent: true);
        return text.macros;
    }

    /// <summary>dQ = dS K; own are Q and dO, streamed K and V.</summary>
    public static IReadOnlyDictionary<string, string> QueryGradient(AttentionTiling tiling)
    {
        var text = new AttentionMacros(tiling, [new('s', 0, 0), new('t', 1, 1)], [new('o', 1, 0)]);
        text.AddStages();
        text.macros["rows"] = text.RowStatistics();
        text.macros["weights"] = text.GradientWeights(byRow: true);
        text.AddGradient("", 'o');
        return text.macros;
    }

    /// <summary>dV = P' dO and dK = dS' Q; own are K and V, streamed Q and dO, so that rows of the logits are keys.</summary>
    public static IReadOnlyDictionary<string, string> KeyValueGradient(AttentionTiling tiling)
    {
        var text = new AttentionMacros(tiling, [new('s', 0, 0), new('t', 1, 1)], [new('o', 0, 1), new('u', 1, 0)]);
        text.AddStages();
        text.macros["load_statistics"] = text.LoadStatistics();
        text.macros["weights"] = text.GradientWeights(byRow: false);
        text.AddGradient("", 'o');
        text.AddGradient("_u", 'u');
        return text.macros;
    }

    /// <summary>Two tiles are used while the next two arrive: "fill" is where the next go, "use" where the present are.</summary>
    private void AddStages()
    {
        macros["arrived"] = "mov.u32 use, fill;\nsub.u32 fill, " + tiling.StageBytes + ", fill;";
    }

    /// <summary>How a gradient is stored, and how it is added to what is there.</summary>
    private void AddGradient(string name, char sum)
    {
        macros["store" + name] = AttentionRows.Store(sum, OutputTiles, GuardedDepth);
        macros["add" + name] = AttentionRows.Add(sum, OutputTiles, GuardedDepth);
    }

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
        macros["finish"] = AttentionRows.Finish(OutputTiles, tangent, AcrossRow);
        macros["store"] = AttentionRows.Store('o', OutputTiles, GuardedDepth);
        macros["store_log"] = AttentionRows.StoreLog;
        if (tangent)
        {
            macros["centre"] = AttentionRows.Centre(LogitTiles, AcrossRow);
            macros["store_u"] = AttentionRows.Store('u', OutputTiles, GuardedDepth);
        }
    }

    /// <summary>
    /// Weights exp(S - m) with the running maximum m, not normalised; sums of them and, with a tangent, of H. What was summed
    /// under the former maximum shrinks.
    /// </summary>
    private string Softmax(bool tangent)
    {
        var text = new PtxLines().Add("{\n.reg .f32 new<2>, shrink<2>, minus<2>;\nmov.f32 new0, max0;\nmov.f32 new1, max1;");
        for (int i = 0; i < 4 * LogitTiles; i++)
            text.Add($"max.f32 new{i / 2 % 2}, new{i / 2 % 2}, s{i};");
        AcrossRow(text, "max", "new", 0);
        for (int row = 0; row < 2; row++)
        {
            text.Add($"mul.f32 minus{row}, new{row}, scale2;\nneg.f32 minus{row}, minus{row};");
            text.Add($"fma.rn.f32 shrink{row}, max{row}, scale2, minus{row};\nex2.approx.ftz.f32 shrink{row}, shrink{row};");
            text.Add($"mov.f32 max{row}, new{row};\nmul.f32 sum{row}, sum{row}, shrink{row};");
            if (tangent)
                text.Add($"mul.f32 mean{row}, mean{row}, shrink{row};\nneg.f32 shift{row}, centre{row};");
        }

        for (int i = 0; i < 4 * LogitTiles; i++)
        {
            int row = i / 2 % 2;
            text.Add($"fma.rn.f32 s{i}, s{i}, scale2, minus{row};\nex2.approx.ftz.f32 s{i}, s{i};\nadd.f32 sum{row}, sum{row}, s{i};");
            if (tangent)
                text.Add($"fma.rn.f32 t{i}, t{i}, scale, shift{row};\nmul.f32 t{i}, t{i}, s{i};\nadd.f32 mean{row}, mean{row}, t{i};");
        }

        foreach (char sum in OutputSums)
            for (int i = 0; i < 4 * OutputTiles; i++)
                text.Add($"mul.f32 {sum}{i}, {sum}{i}, shrink{i / 2 % 2};");
        Pack(text);
        return text.Add("}").ToString();
    }

    /// <summary>Combines a value of each of a lane's two rows over the row's four lanes and, in a pair, over both warps.</summary>
    private void AcrossRow(PtxLines text, string operation, string value, int region)
    {
        AttentionRows.AcrossLanes(text, operation, value);
        if (Paired)
        {
            text.Add("{\n.reg .f32 other<2>;");
            int place = tiling.Exchange + region * tiling.ExchangeBytes;
            text.Add($"st.shared.f32 [exchange+{place}], {value}0;\nst.shared.f32 [exchange+{place + 32}], {value}1;");
            text.Add("bar.sync pair, 64;");
            text.Add($"ld.shared.f32 other0, [partner+{place}];\nld.shared.f32 other1, [partner+{place + 32}];");
            text.Add($"{operation}.f32 {value}0, {value}0, other0;\n{operation}.f32 {value}1, {value}1, other1;\n}}");
        }
    }

    /// <summary>Log-sum-exp and delta of the lane's rows: $0 and $1 the arrays at the block's first row, $2 how many rows there are, $3 1 / sqrt(D).</summary>
    private string RowStatistics()
    {
        var text = new PtxLines().Add($"mov.f32 scale, $3;\nmul.f32 scale2, scale, {Log2E};");
        text.Add("{\n.reg .b64 at, from;\n.reg .b32 valid;\n.reg .pred there;\nsub.s32 valid, $2, row;\nmul.wide.u32 at, row, 4;");
        for (int row = 0; row < 2; row++)
        {
            text.Add($"setp.gt.s32 there, valid, {8 * row};\nmov.f32 log{row}, {Zero32};\nmov.f32 shift{row}, {Zero32};");
            text.Add($"add.u64 from, at, $0;\n@there ld.global.f32 log{row}, [from+{32 * row}];");
            text.Add($"add.u64 from, at, $1;\n@there ld.global.f32 shift{row}, [from+{32 * row}];");
            text.Add($"mul.f32 log{row}, log{row}, {Log2E};\nneg.f32 log{row}, log{row};\nmul.f32 shift{row}, shift{row}, scale;\nneg.f32 shift{row}, shift{row};");
        }

        return text.Add("}").ToString();
    }

    /// <summary>Starts the copy of a streamed tile's log-sum-exp and delta: $0 and $1 their addresses, $2 how many rows there are.</summary>
    private string LoadStatistics()
    {
        var text = new PtxLines().Add("{\n.reg .b64 from, at;\n.reg .b32 to, bytes;\n.reg .pred there, mine;");
        text.Add($"setp.lt.u32 mine, thread, {tiling.Streamed};\nsetp.lt.s32 there, thread, $2;\nselp.b32 bytes, 4, 0, there;");
        text.Add("mov.u32 to, dynsmem;\nmad.lo.u32 to, thread, 4, to;\nadd.u32 to, to, fill;\nmul.wide.u32 at, thread, 4;");
        for (int i = 0; i < 2; i++)
            text.Add($"add.u64 from, at, ${i};\n@mine cp.async.ca.shared.global [to+{tiling.Statistic(i)}], [from], 4, bytes;");
        return text.Add("}").ToString();
    }

    /// <summary>P = exp(S - lse) and dS = P (dP - delta) / sqrt(D), where statistics belong to rows, or to columns; $0 is 1 / sqrt(D) for columns.</summary>
    private string GradientWeights(bool byRow)
    {
        var text = new PtxLines();
        text.Add("{\n.reg .f32 l<2>, d<2>;");
        if (!byRow)
            text.Add($".reg .b32 from;\nmov.f32 scale, $0;\nmul.f32 scale2, scale, {Log2E};\nadd.u32 from, statistic, use;");
        for (int i = 0; i < 4 * LogitTiles; i++)
        {
            if (!byRow && i % 4 == 0)
            {
                text.Add($"ld.shared.v2.f32 {{l0, l1}}, [from+{tiling.Statistic(0) + 8 * i}];\nld.shared.v2.f32 {{d0, d1}}, [from+{tiling.Statistic(1) + 8 * i}];");
                for (int column = 0; column < 2; column++)
                    text.Add($"mul.f32 l{column}, l{column}, {Log2E};\nneg.f32 l{column}, l{column};\nmul.f32 d{column}, d{column}, scale;\nneg.f32 d{column}, d{column};");
            }

            string log = byRow ? $"log{i / 2 % 2}" : $"l{i % 2}", delta = byRow ? $"shift{i / 2 % 2}" : $"d{i % 2}";
            text.Add($"fma.rn.f32 s{i}, s{i}, scale2, {log};\nex2.approx.ftz.f32 s{i}, s{i};");
            text.Add($"fma.rn.f32 t{i}, t{i}, scale, {delta};\nmul.f32 t{i}, t{i}, s{i};");
        }

        Pack(text);
        return text.Add("}").ToString();
    }
}
