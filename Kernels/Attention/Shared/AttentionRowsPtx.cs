using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Inline PTX over the rows of a warp's sums, for mma.sync and wgmma alike, whose sums have the same layout: of each 8 columns a lane holds two
/// neighbouring ones (the first is "column") in two rows ("row" and 8 further down). Logits are named s and t, outputs o and u.
/// </summary>
internal static class AttentionRowsPtx
{
    public const string Log2E = "0f3FB8AA3B", Ln2 = "0f3F317218", MinusInfinity = "0fFF800000", Zero32 = "0f00000000";

    /// <summary>
    /// Combines a value of each of a lane's two rows over the row's lanes, and over the warps that share the row, if any; different values of
    /// <paramref name="use"/> separate uses that could overtake each other.
    /// </summary>
    public delegate void Reduction(PtxText text, string operation, string value, int use);

    /// <summary>Sets the sums of <paramref name="tiles"/> times 8 columns to zero.</summary>
    public static string Zero(char sum, int tiles) =>
        string.Join('\n', Enumerable.Range(0, 4 * tiles).Select(i => $"mov.f32 {sum}{i}, {Zero32};"));

    /// <summary>Sets S to minus infinity in the columns from $0 on.</summary>
    public static string Mask(int tiles)
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .b32 valid;
            .reg .pred out;
            sub.s32 valid, $0, column;
            """);
        for (int i = 0; i < tiles; i++)
        {
            for (int side = 0; side < 2; side++)
                text.Add($"""
                    setp.le.s32 out, valid, {8 * i + side};
                    @out mov.f32 s{4 * i + side}, {MinusInfinity};
                    @out mov.f32 s{4 * i + side + 2}, {MinusInfinity};
                    """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>Computes the centre of tS in each row, its mean over the first tile; $0 is 1 / sqrt(D) over the number of columns that exist.</summary>
    public static string Centre(int tiles, Reduction acrossRow)
    {
        PtxText text = new PtxText().Add($"""
            mov.f32 centre0, {Zero32};
            mov.f32 centre1, {Zero32};
            """);
        for (int i = 0; i < 4 * tiles; i++)
            text.Add($"add.f32 centre{i / 2 % 2}, centre{i / 2 % 2}, t{i};");
        acrossRow(text, "add", "centre", 1);
        return text.Add("""
            mul.f32 centre0, centre0, $0;
            mul.f32 centre1, centre1, $0;
            """).ToString();
    }

    /// <summary>Combines a value of each of a lane's two rows over the row's four lanes.</summary>
    public static void AcrossLanes(PtxText text, string operation, string value)
    {
        text.Add("""
            {
            .reg .f32 other<2>;
            """);
        for (int distance = 1; distance <= 2; distance *= 2)
            for (int row = 0; row < 2; row++)
                text.Add($"""
                    shfl.sync.bfly.b32 other{row}, {value}{row}, {distance}, 31, 0xffffffff;
                    {operation}.f32 {value}{row}, {value}{row}, other{row};
                    """);
        text.Add("}");
    }

    /// <summary>Normalises the outputs: O / l, and with that O the tangent (P tV + H V - rowsum(H) O) / l. Leaves m + ln l in log.</summary>
    public static string Finish(int tiles, bool tangent, Reduction acrossRow)
    {
        PtxText text = new PtxText().Add("""
            {
            .reg .f32 by<2>;
            """);
        acrossRow(text, "add", "sum", 0);
        if (tangent)
            acrossRow(text, "add", "mean", 1);
        for (int row = 0; row < 2; row++)
            text.Add($"""
                rcp.rn.f32 by{row}, sum{row};
                mul.f32 mean{row}, mean{row}, by{row};
                neg.f32 mean{row}, mean{row};
                lg2.approx.f32 log{row}, sum{row};
                fma.rn.f32 log{row}, max{row}, scale2, log{row};
                mul.f32 log{row}, log{row}, {Ln2};
                """);
        for (int i = 0; i < 4 * tiles; i++)
        {
            int row = i / 2 % 2;
            text.Add($"mul.f32 o{i}, o{i}, by{row};");
            if (tangent)
                text.Add($"""
                    mul.f32 u{i}, u{i}, by{row};
                    fma.rn.f32 u{i}, mean{row}, o{i}, u{i};
                    """);
        }

        return text.Add("}").ToString();
    }

    /// <summary>
    /// Stores an output as bf16. $0: first channel of the first row; $1: number of rows that exist; $2: bytes between rows. The four lanes of a row
    /// exchange their parts of four times 8 columns, so that each stores 16 bytes and together they store two whole sectors.
    /// </summary>
    /// <param name="sum">Name of the sums.</param>
    /// <param name="tiles">Number of sums of 8 columns; the first starts at "channel".</param>
    /// <param name="depth">Number of channels to store; null if it equals the number of sums.</param>
    public static string Store(char sum, int tiles, int? depth)
    {
        // Instead of two channels of each 8, a lane gets eight consecutive ones of 32.
        PtxText text = Begin().Add("""
            .reg .b64 at0, at1;
            .reg .b32 part, first, w<4>, x<2>;
            .reg .pred odd, high, whole<2>;
            and.b32 part, lane, 1;
            setp.ne.u32 odd, part, 0;
            and.b32 part, lane, 2;
            setp.ne.u32 high, part, 0;
            and.b32 part, lane, 3;
            mad.lo.u32 first, part, 6, channel;
            mul.wide.u32 at0, part, 12;
            add.u64 at1, at0, to1;
            add.u64 at0, at0, to0;
            """);
        int grouped = tiles / 4 * 4;
        for (int tile = 0; tile < grouped; tile += 4)
        {
            for (int row = 0; row < 2; row++)
            {
                for (int i = 0; i < 4; i++)
                    text.Add(Round($"w{i}", sum, tile + i, row));
                Exchange(text, "odd", 1, ("w0", "w1"), ("w2", "w3"));
                Exchange(text, "high", 2, ("w0", "w2"), ("w1", "w3"));
                text.Add(Guard("whole", "first", row, depth - 8 * tile));
                text.Add($$"""@whole{{row}} st.global.v4.b32 [at{{row}}+{{16 * tile}}], {w0, w1, w2, w3};""");
            }
        }

        for (int tile = grouped; tile < tiles; tile++)
        {
            for (int row = 0; row < 2; row++)
            {
                text.Add(Guard("on", "channel", row, depth - 8 * tile));
                text.Add(Round("word", sum, tile, row));
                text.Add($"@on{row} st.global.b32 [to{row}+{16 * tile}], word;");
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Adds an output to its former value, and stores it as bf16.</summary>
    /// <inheritdoc cref="Store"/>
    public static string Add(char sum, int tiles, int? depth)
    {
        PtxText text = Begin().Add(".reg .f32 old;");
        for (int tile = 0; tile < tiles; tile++)
        {
            for (int row = 0; row < 2; row++)
            {
                string at = $"[to{row}+{16 * tile}]", first = $"{sum}{4 * tile + 2 * row}", second = $"{sum}{4 * tile + 2 * row + 1}";
                text.Add(Guard("on", "channel", row, depth - 8 * tile));
                text.Add($"""
                    @on{row} ld.global.b32 word, {at};
                    @on{row} shl.b32 old, word, 16;
                    @on{row} add.f32 {first}, {first}, old;
                    @on{row} and.b32 old, word, 0xffff0000;
                    @on{row} add.f32 {second}, {second}, old;
                    """);
                text.Add(Round("word", sum, tile, row));
                text.Add($"@on{row} st.global.b32 {at}, word;");
            }
        }

        return text.Add("}").ToString();
    }

    /// <summary>Computes the addresses of a lane's first channel in its two rows, and whether these rows exist.</summary>
    private static PtxText Begin() => new PtxText().Add("""
        {
        .reg .b64 to<2>;
        .reg .b32 valid, word;
        .reg .pred there<2>, on<2>;
        sub.s32 valid, $1, row;
        setp.gt.s32 there0, valid, 0;
        setp.gt.s32 there1, valid, 8;
        cvt.u64.u32 to0, row;
        mul.lo.u64 to0, to0, $2;
        mul.wide.u32 to1, channel, 2;
        add.u64 to0, to0, to1;
        add.u64 to0, to0, $0;
        shl.b64 to1, $2, 3;
        add.u64 to1, to1, to0;
        """);

    /// <summary>Sets a predicate if a row exists and, unless all channels exist, a lane's channel is below <paramref name="channels"/>.</summary>
    private static string Guard(string predicate, string channel, int row, int? channels) => channels is { } end
        ? $"setp.lt.and.s32 {predicate}{row}, {channel}, {end}, there{row};"
        : $"mov.pred {predicate}{row}, there{row};";

    /// <summary>Packs the lane's two sums of one row and 8 columns into a word of bf16.</summary>
    private static string Round(string word, char sum, int tile, int row) =>
        $"cvt.rn.bf16x2.f32 {word}, {sum}{4 * tile + 2 * row + 1}, {sum}{4 * tile + 2 * row};";

    /// <summary>Transposes words between pairs of lanes at a distance: the lane with the predicate gives its lower word for the other lane's upper one.</summary>
    private static void Exchange(PtxText text, string upper, int distance, params ReadOnlySpan<(string Lower, string Upper)> pairs)
    {
        for (int i = 0; i < pairs.Length; i++)
            text.Add($"""
                selp.b32 x{i}, {pairs[i].Lower}, {pairs[i].Upper}, {upper};
                shfl.sync.bfly.b32 x{i}, x{i}, {distance}, 31, 0xffffffff;
                """);
        for (int i = 0; i < pairs.Length; i++)
            text.Add($"""
                selp.b32 {pairs[i].Lower}, x{i}, {pairs[i].Lower}, {upper};
                selp.b32 {pairs[i].Upper}, {pairs[i].Upper}, x{i}, {upper};
                """);
    }

    /// <summary>Stores the log-sum-exp of the lane's rows where "half" is 0. $0: the array at the first row; $1: number of rows that exist.</summary>
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
