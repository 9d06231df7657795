using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The epilogue of <see cref="MmaProduct"/> as inline PTX: it scales a tile's sums and stores them. A thread stores runs of 8 consecutive columns, 16
/// bytes of bf16 at a time.
/// </summary>
internal sealed class MmaEpiloguePtx
{
    private const int Run = 8, RunsInGroup = 4;

    /// <summary>Registers for residuals: as many loads as they hold are started before the first is used.</summary>
    private const int ResidualRegisters = 32;

    private readonly PtxText text = new();
    private readonly MmaVariant variant;
    private readonly MmaTile tile;
    private readonly int groups, words;

    private MmaEpiloguePtx(MmaVariant variant)
    {
        (this.variant, tile) = (variant, variant.Tile);
        groups = tile.WarpColumns / MmaTile.GroupColumns;
        words = Run * variant.Output.SizeInBytes() / 4;
    }

    /// <summary>Adds the macros by name.</summary>
    public static void AddMacros(Dictionary<string, string> macros, MmaVariant variant)
    {
        macros["turn"] = variant.ColumnLines ? new MmaEpiloguePtx(variant).Turn() : "";
        // $0: factor of the sums, $1: factor of the residual.
        macros["scale"] = """
            .reg .f32 alpha, beta;
            mov.f32 alpha, $0;
            mov.f32 beta, $1;
            """;
        macros["store"] = new MmaEpiloguePtx(variant).Store();
    }

    /// <summary>
    /// Transposes four fragments of 8 columns each among the four lanes of a row, so that each lane gets the 8 columns of one fragment. Columns in
    /// rows were permuted for this purpose (<see cref="MmaLayout.ColumnFragment"/>).
    /// </summary>
    private string Turn()
    {
        text.Add("""
            .reg .b32 lane, given, taken;
            .reg .pred swap1, swap2;
            """);
        foreach (int bit in (int[])[1, 2])
        {
            text.Add($"""
                mov.u32 lane, %laneid;
                and.b32 lane, lane, {bit};
                setp.ne.u32 swap{bit}, lane, 0;
                """);
        }

        for (int i = 0; i < tile.RowFragments; i++)
            for (int group = 0; group < groups; group++)
                for (int part = 0; part < RunsInGroup; part++)
                {
                    string[] v = [.. Enumerable.Range(0, RunsInGroup).Select(j => Sum(i, RunsInGroup * group + j, part))];
                    Exchange(v[0], v[1], 1);
                    Exchange(v[2], v[3], 1);
                    Exchange(v[0], v[2], 2);
                    Exchange(v[1], v[3], 2);
                }

        return text.ToString();
    }

    /// <summary>Exchanges the upper word of a lane with the lower word of the lane whose number has the bit set.</summary>
    private void Exchange(string lower, string upper, int bit) => text.Add($"""
        selp.b32 given, {lower}, {upper}, swap{bit};
        shfl.sync.bfly.b32 taken, given, {bit}, 31, 0xffffffff;
        @swap{bit} mov.b32 {lower}, taken;
        @!swap{bit} mov.b32 {upper}, taken;
        """);

    /// <summary>
    /// Stores the tile. $0: address of the result; $1: of the bias; $2: of the residual; $3, $4: the thread's first row and column; $5, $6: rows and
    /// columns of the result; $7: elements from row to row; $8: number of rows that take the bias.
    /// </summary>
    private string Store()
    {
        int rows = 2 * tile.RowFragments, batch = Math.Min(rows, ResidualRegisters / (groups * words));
        text.Add($"""
            .reg .pred inside, biased, write, within<{groups}>;
            .reg .b32 index, word<4>, residual<{ResidualRegisters}>;
            .reg .b64 target, source;
            .reg .f32 bias<{Run * groups}>;
            """);
        for (int group = 0; group < groups; group++)
        {
            text.Add($"""
                add.s32 index, $4, {tile.GroupStride * group};
                setp.lt.s32 within{group}, index, $6;
                """);
        }

        if (variant.HasBias)
            LoadBias();
        for (int first = 0; first < rows; first += batch)
        {
            for (int row = first; row < first + batch && variant.HasResidual; row++)
                LoadResidual(row, (row - first) * groups * words);
            for (int row = first; row < first + batch; row++)
                StoreRow(row, (row - first) * groups * words);
        }

        return text.ToString();
    }

    private void LoadBias()
    {
        text.Add("mad.wide.s32 source, $4, 4, $1;");
        for (int i = 0; i < groups * Run; i += 4)
            text.Add($$"""@within{{i / Run}} ld.global.v4.f32 {bias{{i}}, bias{{i + 1}}, bias{{i + 2}}, bias{{i + 3}}}, [source+{{4 * (tile.GroupStride * (i / Run) + i % Run)}}];""");
    }

    /// <summary>Computes a row's index, and whether it lies in the matrix; the halves of a row fragment are 8 rows apart.</summary>
    private void Locate(int row, string register, string tensor)
    {
        text.Add($"""
            add.s32 index, $3, {8 * row};
            setp.lt.s32 inside, index, $5;
            """);
        if (variant.HasBias)
            text.Add("setp.lt.s32 biased, index, $8;");
        text.Add($"""
            mad.lo.s32 index, index, $7, $4;
            mad.wide.s32 {register}, index, {variant.Output.SizeInBytes()}, {tensor};
            """);
    }

    private void LoadResidual(int row, int register)
    {
        Locate(row, "source", "$2");
        for (int group = 0; group < groups; group++)
        {
            text.Add($"and.pred write, inside, within{group};");
            for (int i = 0; i < words; i += 4)
            {
                int r = register + group * words + i;
                text.Add($$"""@write ld.global.v4.b32 {residual{{r}}, residual{{r + 1}}, residual{{r + 2}}, residual{{r + 3}}}, [source+{{Offset(group, i)}}];""");
            }
        }
    }

    private void StoreRow(int row, int register)
    {
        Locate(row, "target", "$0");
        for (int group = 0; group < groups; group++)
        {
            // Sums 0 and 1 of a fragment belong to its upper row, 2 and 3 to the lower.
            string[] values = [.. Enumerable.Range(0, Run).Select(i => Sum(row / 2, RunsInGroup * group + i / 2, 2 * (row % 2) + i % 2))];
            for (int i = 0; i < Run; i++)
            {
                if (variant.HasBias)
                    text.Add($"@biased add.f32 {values[i]}, {values[i]}, bias{Run * group + i};");
                text.Add($"mul.f32 {values[i]}, {values[i]}, alpha;");
            }

            if (variant.HasResidual)
                AddResidual(values, register + group * words);
            text.Add($"and.pred write, inside, within{group};");
            Write(values, group);
        }
    }

    private void AddResidual(string[] values, int register)
    {
        for (int i = 0; i < Run; i++)
        {
            if (variant.Output == DType.Float32)
            {
                text.Add($"fma.rn.f32 {values[i]}, residual{register + i}, beta, {values[i]};");
                continue;
            }

            // A bf16 is the upper half of its fp32.
            text.Add(i % 2 == 0 ? $"shl.b32 index, residual{register + i / 2}, 16;" : $"and.b32 index, residual{register + i / 2}, 0xffff0000;");
            text.Add($"fma.rn.f32 {values[i]}, index, beta, {values[i]};");
        }
    }

    private void Write(string[] v, int group)
    {
        if (variant.Output == DType.Float32)
        {
            for (int i = 0; i < Run; i += 4)
                text.Add($$"""@write st.global.v4.f32 [target+{{Offset(group, i)}}], {{{v[i]}}, {{v[i + 1]}}, {{v[i + 2]}}, {{v[i + 3]}}};""");
            return;
        }

        for (int i = 0; i < 4; i++)
            text.Add($"cvt.rn.bf16x2.f32 word{i}, {v[2 * i + 1]}, {v[2 * i]};"); // the second goes to the lower half
        text.Add($$"""@write st.global.v4.b32 [target+{{Offset(group, 0)}}], {word0, word1, word2, word3};""");
    }

    /// <summary>Bytes from a thread's first column to a word of a group.</summary>
    private int Offset(int group, int word) => tile.GroupStride * group * variant.Output.SizeInBytes() + 4 * word;

    private string Sum(int rowFragment, int columnFragment, int part) => $"sum{4 * (rowFragment * tile.ColumnFragments + columnFragment) + part}";
}
