using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Inline PTX over the rows of sums of a warp, the same for mma.sync and wgmma, whose sums lie alike: a lane holds, of each 8 columns,
/// two neighbouring columns (from "column" on) of two rows ("row" and 8 further down). Sums of logits are s and t, of outputs o and u.
/// </summary>
internal static class AttentionRows
{
    public const string Log2E = "0f3FB8AA3B", Ln2 = "0f3F317218", MinusInfinity = "0fFF800000", Zero32 = "0f00000000";

    /// <summary>Combines a value of each of a lane's two rows over the row's lanes, and perhaps over warps that share the row; the number tells apart uses that could overtake each other.</summary>
    public delegate void Reduction(PtxLines text, string operation, string value, int use);

    /// <summary>Zeros in sums of so many times 8 columns.</summary>
    public static string Zero(char sum, int tiles) =>
        string.Join('\n', Enumerable.Range(0, 4 * tiles).Select(i => $"mov.f32 {sum}{i}, {Zero32};"));

    /// <summary>Minus infinity in the columns of S from $0 on.</summary>
    public static string Mask(int tiles)
    {
        var text = new PtxLines().Add("{\n.reg .b32 valid;\n.reg .pred out;\nsub.s32 valid, $0, column;");
        for (int i = 0; i < tiles; i++)
        {
            for (int side = 0; side < 2; side++)
            {
                text.Add($"setp.le.s32 out, valid, {8 * i + side};");
                text.Add($"@out mov.f32 s{4 * i + side}, {MinusInfinity};\n@out mov.f32 s{4 * i + side + 2}, {MinusInfinity};");
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>The centre of tS in each row: its mean over the first tile; $0 is 1 / sqrt(D) over how many columns there are.</summary>
    public static string Centre(int tiles, Reduction acrossRow)
    {
        var text = new PtxLines().Add($"mov.f32 centre0, {Zero32};\nmov.f32 centre1, {Zero32};");
        for (int i = 0; i < 4 * tiles; i++)
            text.Add($"add.f32 centre{i / 2 % 2}, centre{i / 2 % 2}, t{i};");
        acrossRow(text, "add", "centre", 1);
        return text.Add("mul.f32 centre0, centre0, $0;\nmul.f32 centre1, centre1, $0;").ToString();
    }

    /// <summary>Combines a value of each of a lane's two rows over the row's four lanes.</summary>
    public static void AcrossLanes(PtxLines text, string operation, string value)
    {
        text.Add("{\n.reg .f32 other<2>;");
        for (int distance = 1; distance <= 2; distance *= 2)
            for (int row = 0; row < 2; row++)
                text.Add($"shfl.sync.bfly.b32 other{row}, {value}{row}, {distance}, 31, 0xffffffff;\n{operation}.f32 {value}{row}, {value}{row}, other{row};");
        text.Add("}");
    }

    /// <summary>Normalises: O / l, and (P tV + H V - rowsum(H) O) / l with that O. Leaves m + ln l in log.</summary>
    public static string Finish(int tiles, bool tangent, Reduction acrossRow)
    {
        var text = new PtxLines().Add("{\n.reg .f32 by<2>;");
        acrossRow(text, "add", "sum", 0);
        if (tangent)
            acrossRow(text, "add", "mean", 1);
        for (int row = 0; row < 2; row++)
        {
            text.Add($"rcp.rn.f32 by{row}, sum{row};\nmul.f32 mean{row}, mean{row}, by{row};\nneg.f32 mean{row}, mean{row};");
            text.Add($"lg2.approx.f32 log{row}, sum{row};\nfma.rn.f32 log{row}, max{row}, scale2, log{row};\nmul.f32 log{row}, log{row}, {Ln2};");
        }

        for (int i = 0; i < 4 * tiles; i++)
        {
            int row = i / 2 % 2;
            text.Add($"mul.f32 o{i}, o{i}, by{row};");
            if (tangent)
                text.Add($"mul.f32 u{i}, u{i}, by{row};\nfma.rn.f32 u{i}, mean{row}, o{i}, u{i};");
        }

        return text.Add("}").ToString();
    }

    /// <summary>
    /// Stores an output as bf16: $0 the first row's first channel, $1 how many rows there are, $2 bytes between rows. The four lanes of a row
    /// exchange what they have of four times 8 columns, so that each stores 16 bytes and together two whole sectors.
    /// </summary>
    /// <param name="sum">The sums.</param>
    /// <param name="tiles">How many times 8 columns they have, from "channel" on.</param>
    /// <param name="depth">Channels beyond which there are none to store; null if there are as many as sums.</param>
    public static string Store(char sum, int tiles, int? depth)
    {
        PtxLines text = Begin().Add(".reg .b64 at0, at1;\n.reg .b32 part, first, w<4>, x<2>;\n.reg .pred odd, high, whole<2>;");
        text.Add("and.b32 part, lane, 1;\nsetp.ne.u32 odd, part, 0;\nand.b32 part, lane, 2;\nsetp.ne.u32 high, part, 0;\nand.b32 part, lane, 3;");
        text.Add("mad.lo.u32 first, part, 6, channel;"); // from two channels a lane to eight
        text.Add("mul.wide.u32 at0, part, 12;\nadd.u64 at1, at0, to1;\nadd.u64 at0, at0, to0;");
        int grouped = tiles / 4 * 4;
        for (int tile = 0; tile < grouped; tile += 4)
        {
            for (int row = 0; row < 2; row++)
            {
                for (int i = 0; i < 4; i++)
                    text.Add(Round($"w{i}", sum, tile + i, row));
                Exchange(text, "odd", 1, ("w0", "w1"), ("w2", "w3"));
                Exchange(text, "high", 2, ("w0", "w2"), ("w1", "w3"));
                text.Add($"{Guard("whole", "first", row, depth - 8 * tile)}\n@whole{row} st.global.v4.b32 [at{row}+{16 * tile}], {{w0, w1, w2, w3}};");
            }
        }

        for (int tile = grouped; tile < tiles; tile++)
            for (int row = 0; row < 2; row++)
                text.Add($"{Guard("on", "channel", row, depth - 8 * tile)}\n{Round("word", sum, tile, row)}\n@on{row} st.global.b32 [to{row}+{16 * tile}], word;");
        return text.Add("}").ToString();
    }

    /// <summary>The same, added to what is there.</summary>
    /// <inheritdoc cref="Store"/>
    public static string Add(char sum, int tiles, int? depth)
    {
        PtxLines text = Begin().Add(".reg .f32 old;");
        for (int tile = 0; tile < tiles; tile++)
        {
            for (int row = 0; row < 2; row++)
            {
                string at = $"[to{row}+{16 * tile}]", first = $"{sum}{4 * tile + 2 * row}", second = $"{sum}{4 * tile + 2 * row + 1}";
                text.Add($"{Guard("on", "channel", row, depth - 8 * tile)}\n@on{row} ld.global.b32 word, {at};");
                text.Add($"@on{row} shl.b32 old, word, 16;\n@on{row} add.f32 {first}, {first}, old;");
                text.Add($"@on{row} and.b32 old, word, 0xffff0000;\n@on{row} add.f32 {second}, {second}, old;");
                text.Add($"{Round("word", sum, tile, row)}\n@on{row} st.global.b32 {at}, word;");
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>The addresses of a lane's first channel in its two rows, and whether those are rows.</summary>
    private static PtxLines Begin() => new PtxLines()
        .Add("{\n.reg .b64 to<2>;\n.reg .b32 valid, word;\n.reg .pred there<2>, on<2>;")
        .Add("sub.s32 valid, $1, row;\nsetp.gt.s32 there0, valid, 0;\nsetp.gt.s32 there1, valid, 8;")
        .Add("cvt.u64.u32 to0, row;\nmul.lo.u64 to0, to0, $2;\nmul.wide.u32 to1, channel, 2;\nadd.u64 to0, to0, to1;\nadd.u64 to0, to0, $0;")
        .Add("shl.b64 to1, $2, 3;\nadd.u64 to1, to1, to0;");

    /// <summary>Sets a predicate where a row is one and, unless all channels are there, a lane's channel is among so many.</summary>
    private static string Guard(string predicate, string channel, int row, int? channels) => channels is { } end
        ? $"setp.lt.and.s32 {predicate}{row}, {channel}, {end}, there{row};"
        : $"mov.pred {predicate}{row}, there{row};";

    /// <summary>The lane's two sums of a row and 8 columns as a word of bf16.</summary>
    private static string Round(string word, char sum, int tile, int row) =>
        $"cvt.rn.bf16x2.f32 {word}, {sum}{4 * tile + 2 * row + 1}, {sum}{4 * tile + 2 * row};";

    /// <summary>Transposes words between lanes so far apart: of each pair a lane for which the predicate holds gives the first for the other lane's second.</summary>
    private static void Exchange(PtxLines text, string upper, int distance, params ReadOnlySpan<(string Lower, string Upper)> pairs)
    {
        for (int i = 0; i < pairs.Length; i++)
            text.Add($"selp.b32 x{i}, {pairs[i].Lower}, {pairs[i].Upper}, {upper};\nshfl.sync.bfly.b32 x{i}, x{i}, {distance}, 31, 0xffffffff;");
        for (int i = 0; i < pairs.Length; i++)
            text.Add($"selp.b32 {pairs[i].Lower}, x{i}, {pairs[i].Lower}, {upper};\nselp.b32 {pairs[i].Upper}, {pairs[i].Upper}, x{i}, {upper};");
    }

    /// <summary>Stores the log-sum-exp of the lane's rows, unless "half" says that others do: $0 the array at the first row, $1 how many rows there are.</summary>
    public const string StoreLog = """
        {
        .reg .b64 to;
        .reg .b32 valid, first;
        .reg .pred one, there;
        and.b32 first, lane, 3;
        or.b32 first, first, half;
        setp.eq.u32 one, first, 0;
        mul.wide.u32 to, row, 4;
        add.u64 to, to, $0;
        sub.s32 valid, $1, row;
        setp.gt.and.s32 there, valid, 0, one;
        @there st.global.f32 [to], log0;
        setp.gt.and.s32 there, valid, 8, one;
        @there st.global.f32 [to+32], log1;
        }
        """;
}
