using System.Globalization;
using System.Text;

namespace TrigFlowNative.Kernels;

/// <summary>The way of a tile's sums from registers: rounded into shared memory, whence bulk copies take them, or in fp32 straight to memory.</summary>
internal sealed partial record WgmmaTile
{
    /// <summary>What is done to sums on their way: a factor alone, factor and bias, nothing.</summary>
    public const int Scaled = 0, Biased = 1, Plain = 2;

    /// <summary>Declares and sets the address of the shortcut's bias.</summary>
    private string SecondBias => Shortcut ? ".reg .b64 second;\nadd.s64 second, $2, apart;\n" : "";

    /// <summary>
    /// alpha (sum + bias) + beta residual, rounded to bf16 and laid into shared memory, two runs of eight columns at a time. $0: address of the
    /// 16 bytes in the chunk at which the thread points for the first two runs (<see cref="WgmmaConvolution"/> says which); $1: the same in the
    /// chunk's residual; $2: address of the bias; $3: columns that are left; $4, $5: whether the two rows take the bias, as 0 or 1; $6: alpha;
    /// $7: beta; $8: what is done, the same in the whole warpgroup.
    /// </summary>
    private string Bf16Chunk(int chunk)
    {
        int runs = RunsOf(chunk);
        var text = new StringBuilder($"{{\n.reg .f32 b0, b1, v0, v1, v2, v3, r0, r1;\n.reg .b32 at, half, pair<{2 * runs + 2}>, old<4>;\n.reg .pred in, any, biased, plain;\n{SecondBias}");
        text.Append(CultureInfo.InvariantCulture, $"setp.eq.s32 any, $8, {Biased};\n");
        if (!Residual)
        {
            text.Append(CultureInfo.InvariantCulture, $"setp.eq.s32 plain, $8, {Plain};\n@plain bra PLAIN;\n");
        }

        for (int run = 0; run < runs; run++)
        {
            if (Residual && run % 2 == 0)
                text.Append(CultureInfo.InvariantCulture, $"xor.b32 at, $1, {16 * run};\nldmatrix.sync.aligned.m8n8.x4.shared.b16 {{old0, old1, old2, old3}}, [at];\n");
            AppendBiased(text, chunk, run);
            if (Residual)
            {
                AppendResidual(text, $"old{run % 2 * 2}", "v0", "v1");
                AppendResidual(text, $"old{run % 2 * 2 + 1}", "v2", "v3");
            }

            text.Append(CultureInfo.InvariantCulture, $"cvt.rn.bf16x2.f32 pair{2 * run}, v1, v0;\ncvt.rn.bf16x2.f32 pair{2 * run + 1}, v3, v2;\n");
        }

        if (!Residual)
        {
            text.Append("bra STORE;\nPLAIN:\n");
            for (int pair = 0; pair < 2 * runs; pair++)
                text.Append(CultureInfo.InvariantCulture, $"cvt.rn.bf16x2.f32 pair{pair}, acc{32 * chunk + 2 * pair + 1}, acc{32 * chunk + 2 * pair};\n");
            text.Append("STORE:\n");
        }

        for (int run = 0; run < runs; run += 2)
        {
            int second = run + 1 < runs ? run + 1 : run; // what lies beside the last run of an odd number is not stored to memory
            text.Append(CultureInfo.InvariantCulture, $"xor.b32 at, $0, {16 * run};\nstmatrix.sync.aligned.m8n8.x4.shared.b16 [at], {{pair{2 * run}, pair{2 * run + 1}, pair{2 * second}, pair{2 * second + 1}}};\n");
        }

        return text.Append('}').ToString();
    }

    private static void AppendResidual(StringBuilder text, string pair, string first, string second) => text.Append(
        CultureInfo.InvariantCulture,
        $"shl.b32 half, {pair}, 16;\nmov.b32 r0, half;\nand.b32 half, {pair}, 0xFFFF0000;\nmov.b32 r1, half;\n"
        + $"fma.rn.f32 {first}, r0, $7, {first};\nfma.rn.f32 {second}, r1, $7, {second};\n");

    /// <summary>
    /// The same in fp32, from registers to memory. $0, $1: addresses of the first column in the two rows; $2: address of the bias;
    /// $3: columns that are left; $4, $5: whether the rows take the bias; $6: alpha; $7: beta, 0 to leave alone what is there; $8, $9: whether
    /// the rows are to be stored.
    /// </summary>
    private string Fp32Chunk(int chunk)
    {
        // What is added to is loaded before anything is stored, or every load would wait for the store before it.
        int numbers = 4 * RunsOf(chunk);
        var text = new StringBuilder($"{{\n.reg .f32 b0, b1, v0, v1, v2, v3, old<{numbers}>;\n.reg .pred in, any, biased, low, high, add;\n");
        text.Append("setp.neu.f32 add, $7, 0f00000000;\n").Append(SecondBias).Append("add.f32 b0, $4, $5;\nsetp.neu.f32 any, b0, 0f00000000;\n");
        for (int run = 0; run < RunsOf(chunk); run++)
        {
            AppendRows(text, run);
            text.Append("and.pred low, low, add;\nand.pred high, high, add;\n");
            foreach ((string row, string when, int first) in (ReadOnlySpan<(string, string, int)>)[("$0", "low", 4 * run), ("$1", "high", 4 * run + 2)])
            {
                text.Append(CultureInfo.InvariantCulture, $"mov.f32 old{first}, 0f00000000;\nmov.f32 old{first + 1}, 0f00000000;\n");
                text.Append(CultureInfo.InvariantCulture, $"@{when} ld.global.v2.f32 {{old{first}, old{first + 1}}}, [{row} + {32 * run}];\n");
            }
        }

        for (int run = 0; run < RunsOf(chunk); run++)
        {
            AppendBiased(text, chunk, run);
            AppendRows(text, run);
            for (int i = 0; i < 4; i++)
                text.Append(CultureInfo.InvariantCulture, $"fma.rn.f32 v{i}, old{4 * run + i}, $7, v{i};\n");
            text.Append(CultureInfo.InvariantCulture, $"@low st.global.v2.f32 [$0 + {32 * run}], {{v0, v1}};\n@high st.global.v2.f32 [$1 + {32 * run}], {{v2, v3}};\n");
        }

        return text.Append('}').ToString();
    }

    /// <summary>Sets "low" and "high" where a run of eight columns and the two rows are to be stored.</summary>
    private static void AppendRows(StringBuilder text, int run) =>
        text.Append(CultureInfo.InvariantCulture, $"setp.gt.s32 in, $3, {8 * run};\nsetp.ne.and.s32 low, $8, 0, in;\nsetp.ne.and.s32 high, $9, 0, in;\n");

    /// <summary>v0 to v3 = alpha (sum + bias) of a run of eight columns; sets the predicate "in" where they are columns of the output.</summary>
    private void AppendBiased(StringBuilder text, int chunk, int run)
    {
        int sum = 32 * chunk + 4 * run;
        text.Append(CultureInfo.InvariantCulture, $"setp.gt.s32 in, $3, {8 * run};\nmov.f32 b0, 0f00000000;\nmov.f32 b1, 0f00000000;\nand.pred biased, in, any;\n@biased ld.global.nc.v2.f32 {{b0, b1}}, [$2 + {32 * run}];\n");
        if (Shortcut)
            text.Append(CultureInfo.InvariantCulture, $"mov.f32 v0, 0f00000000;\nmov.f32 v1, 0f00000000;\n@biased ld.global.nc.v2.f32 {{v0, v1}}, [second + {32 * run}];\nadd.f32 b0, b0, v0;\nadd.f32 b1, b1, v1;\n");
        text.Append(CultureInfo.InvariantCulture, $"fma.rn.f32 v0, b0, $4, acc{sum};\nfma.rn.f32 v1, b1, $4, acc{sum + 1};\nfma.rn.f32 v2, b0, $5, acc{sum + 2};\nfma.rn.f32 v3, b1, $5, acc{sum + 3};\n");
        text.Append("mul.f32 v0, v0, $6;\nmul.f32 v1, v1, $6;\nmul.f32 v2, v2, $6;\nmul.f32 v3, v3, $6;\n");
    }

    /// <summary>Runs of eight columns in a chunk.</summary>
    private int RunsOf(int chunk) => Math.Min(8, (Columns - 64 * chunk) / 8);
}
