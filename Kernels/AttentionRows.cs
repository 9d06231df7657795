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
    /// Stores an output as bf16: $0 the first row's first channel, $1 how many rows there are, $2 bytes between rows, and
    /// where it may be added to what is there, $3 1 to add.
    /// </summary>
    /// <param name="sum">The sums.</param>
    /// <param name="tiles">How many times 8 columns they have, from "channel" on.</param>
    /// <param name="depth">Channels beyond which there are none to store; null if there are as many as sums.</param>
    /// <param name="add">Whether it may be added to what is there.</param>
    public static string Store(char sum, int tiles, int? depth, bool add)
    {
        var text = new PtxLines().Add("{\n.reg .b64 to, far;\n.reg .b32 valid, word;\n.reg .f32 old;\n.reg .pred there0, there1, on0, on1, read0, read1, adds;");
        text.Add("sub.s32 valid, $1, row;\nsetp.gt.s32 there0, valid, 0;\nsetp.gt.s32 there1, valid, 8;");
        text.Add("cvt.u64.u32 to, row;\nmul.lo.u64 to, to, $2;\nmul.wide.u32 far, channel, 2;\nadd.u64 to, to, far;\nadd.u64 to, to, $0;");
        text.Add("shl.b64 far, $2, 3;\nadd.u64 far, far, to;");
        if (add)
            text.Add("setp.ne.b32 adds, $3, 0;");
        for (int tile = 0; tile < tiles; tile++)
        {
            for (int row = 0; row < 2; row++)
            {
                string on = $"there{row}", at = $"[{(row == 0 ? "to" : "far")}+{16 * tile}]", first = $"{sum}{4 * tile + 2 * row}", second = $"{sum}{4 * tile + 2 * row + 1}";
                if (depth is { } end)
                {
                    on = $"on{row}";
                    text.Add($"setp.lt.and.s32 {on}, channel, {end - 8 * tile}, there{row};");
                }

                if (add)
                {
                    text.Add($"and.pred read{row}, adds, {on};\n@read{row} ld.global.b32 word, {at};");
                    text.Add($"@read{row} shl.b32 old, word, 16;\n@read{row} add.f32 {first}, {first}, old;");
                    text.Add($"@read{row} and.b32 old, word, 0xffff0000;\n@read{row} add.f32 {second}, {second}, old;");
                }

                text.Add($"cvt.rn.bf16x2.f32 word, {second}, {first};\n@{on} st.global.b32 {at}, word;");
            }
        }

        return text.Add("}").ToString();
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
