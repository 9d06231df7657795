using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The macros that finish and store a tile's sums. A thread stores runs of 8 consecutive columns, 16 bytes of bf16 at a time.
/// </summary>
internal static class MmaStoreText
{
    private const int Run = 8, RunsInGroup = 4;

    /// <summary>Registers for residuals on their way: as many loads as these hold are started before any is used.</summary>
    private const int ResidualRegisters = 32;

    /// <summary>Text by name.</summary>
    public static Dictionary<string, IEnumerable<string>> Macros(MmaVariant variant) => new()
    {
        ["turn"] = variant.ColumnLines ? Turn(variant.Tile) : [],
        // $0: factor of the sums, $1: factor of the residual.
        ["scale"] = [".reg .f32 alpha, beta;", "mov.f32 alpha, $0;", "mov.f32 beta, $1;"],
        ["store"] = Store(variant),
    };

    /// <summary>
    /// Transposes four fragments of 8 columns each among the four lanes of a row, so that each lane gets one fragment's 8
    /// columns. Columns that lay in rows were permuted for the same end (<see cref="MmaLayout.ColumnFragment"/>).
    /// </summary>
    private static IEnumerable<string> Turn(MmaTile tile)
    {
        yield return ".reg .b32 lane, given, taken;";
        yield return ".reg .pred swap1, swap2;";
        foreach (int bit in (int[])[1, 2])
        {
            yield return "mov.u32 lane, %laneid;";
            yield return $"and.b32 lane, lane, {bit};";
            yield return $"setp.ne.u32 swap{bit}, lane, 0;";
        }

        for (int i = 0; i < tile.RowFragments; i++)
            for (int group = 0; group < tile.WarpColumns / MmaTile.GroupColumns; group++)
                for (int part = 0; part < RunsInGroup; part++)
                    foreach (string line in TurnFour([.. Enumerable.Range(0, RunsInGroup).Select(j => Sum(tile, i, RunsInGroup * group + j, part))]))
                        yield return line;
    }

    private static IEnumerable<string> TurnFour(string[] v) =>
        [.. Exchange(v[0], v[1], 1), .. Exchange(v[2], v[3], 1), .. Exchange(v[0], v[2], 2), .. Exchange(v[1], v[3], 2)];

    /// <summary>Exchanges the upper of one lane with the lower of the lane whose number has the bit set.</summary>
    private static IEnumerable<string> Exchange(string lower, string upper, int bit) =>
    [
        $"selp.b32 given, {lower}, {upper}, swap{bit};",
        $"shfl.sync.bfly.b32 taken, given, {bit}, 31, 0xffffffff;",
        $"@swap{bit} mov.b32 {lower}, taken;",
        $"@!swap{bit} mov.b32 {upper}, taken;",
    ];

    /// <summary>
    /// $0: address of the result; $1: of the bias; $2: of the residual; $3, $4: the thread's first row and column; $5, $6: rows
    /// and columns of the result; $7: elements from row to row; $8: rows that get the bias.
    /// </summary>
    private static IEnumerable<string> Store(MmaVariant variant)
    {
        MmaTile tile = variant.Tile;
        int groups = tile.WarpColumns / MmaTile.GroupColumns, rows = 2 * tile.RowFragments, words = Run * variant.Output.Size() / 4;
        int batch = Math.Min(rows, ResidualRegisters / (groups * words));
        yield return $".reg .pred inside, biased, write, within<{groups}>;";
        yield return $".reg .b32 index, word<4>, residual<{ResidualRegisters}>;";
        yield return ".reg .b64 target, source;";
        yield return $".reg .f32 bias<{Run * groups}>;";
        for (int group = 0; group < groups; group++)
        {
            yield return $"add.s32 index, $4, {tile.GroupStride * group};";
            yield return $"setp.lt.s32 within{group}, index, $6;";
        }

        if (variant.HasBias)
            foreach (string line in LoadBias(tile, groups))
                yield return line;
        for (int first = 0; first < rows; first += batch)
        {
            for (int row = first; row < first + batch && variant.HasResidual; row++)
                foreach (string line in LoadResidual(variant, row, groups, words, (row - first) * groups * words))
                    yield return line;
            for (int row = first; row < first + batch; row++)
                foreach (string line in StoreRow(variant, row, groups, words, (row - first) * groups * words))
                    yield return line;
        }
    }

    private static IEnumerable<string> LoadBias(MmaTile tile, int groups)
    {
        yield return "mad.wide.s32 source, $4, 4, $1;";
        for (int i = 0; i < groups * Run; i += 4)
            yield return $"@within{i / Run} ld.global.v4.f32 {{bias{i}, bias{i + 1}, bias{i + 2}, bias{i + 3}}}, [source+{4 * (tile.GroupStride * (i / Run) + i % Run)}];";
    }

    /// <summary>A row's index and whether it lies in the matrix; the 2 row fragments' halves are 8 rows apart.</summary>
    private static IEnumerable<string> Locate(MmaVariant variant, int row, string register, string tensor) =>
    [
        $"add.s32 index, $3, {8 * row};",
        "setp.lt.s32 inside, index, $5;",
        .. variant.HasBias ? (string[])["setp.lt.s32 biased, index, $8;"] : [],
        "mad.lo.s32 index, index, $7, $4;",
        $"mad.wide.s32 {register}, index, {variant.Output.Size()}, {tensor};",
    ];

    private static IEnumerable<string> LoadResidual(MmaVariant variant, int row, int groups, int words, int register)
    {
        foreach (string line in Locate(variant, row, "source", "$2"))
            yield return line;
        for (int group = 0; group < groups; group++)
        {
            yield return $"and.pred write, inside, within{group};";
            for (int i = 0; i < words; i += 4)
            {
                int r = register + group * words + i;
                yield return $"@write ld.global.v4.b32 {{residual{r}, residual{r + 1}, residual{r + 2}, residual{r + 3}}}, [source+{Offset(variant, group, i)}];";
            }
        }
    }

    private static IEnumerable<string> StoreRow(MmaVariant variant, int row, int groups, int words, int register)
    {
        foreach (string line in Locate(variant, row, "target", "$0"))
            yield return line;
        for (int group = 0; group < groups; group++)
        {
            // Sums 0 and 1 of a fragment belong to its upper row, 2 and 3 to the lower.
            string[] values = [.. Enumerable.Range(0, Run).Select(i => Sum(variant.Tile, row / 2, RunsInGroup * group + i / 2, 2 * (row % 2) + i % 2))];
            for (int i = 0; i < Run; i++)
            {
                if (variant.HasBias)
                    yield return $"@biased add.f32 {values[i]}, {values[i]}, bias{Run * group + i};";
                yield return $"mul.f32 {values[i]}, {values[i]}, alpha;";
            }

            if (variant.HasResidual)
                foreach (string line in AddResidual(variant, values, register + group * words))
                    yield return line;
            yield return $"and.pred write, inside, within{group};";
            foreach (string line in Write(variant, values, group))
                yield return line;
        }
    }

    private static IEnumerable<string> AddResidual(MmaVariant variant, string[] values, int register)
    {
        for (int i = 0; i < Run; i++)
        {
            if (variant.Output == DType.Float32)
            {
                yield return $"fma.rn.f32 {values[i]}, residual{register + i}, beta, {values[i]};";
                continue;
            }

            // A bf16 is the upper half of its fp32.
            yield return i % 2 == 0 ? $"shl.b32 index, residual{register + i / 2}, 16;" : $"and.b32 index, residual{register + i / 2}, 0xffff0000;";
            yield return $"fma.rn.f32 {values[i]}, index, beta, {values[i]};";
        }
    }

    private static IEnumerable<string> Write(MmaVariant variant, string[] values, int group)
    {
        if (variant.Output == DType.Float32)
        {
            for (int i = 0; i < Run; i += 4)
                yield return $"@write st.global.v4.f32 [target+{Offset(variant, group, i)}], {{{values[i]}, {values[i + 1]}, {values[i + 2]}, {values[i + 3]}}};";
            yield break;
        }

        for (int i = 0; i < 4; i++)
            yield return $"cvt.rn.bf16x2.f32 word{i}, {values[2 * i + 1]}, {values[2 * i]};"; // the second goes to the lower half
        yield return $"@write st.global.v4.b32 [target+{Offset(variant, group, 0)}], {{word0, word1, word2, word3}};";
    }

    /// <summary>Bytes from a thread's first column to a word of a group.</summary>
    private static int Offset(MmaVariant variant, int group, int word) => variant.Tile.GroupStride * group * variant.Output.Size() + 4 * word;

    private static string Sum(MmaTile tile, int rowFragment, int columnFragment, int part) =>
        $"sum{4 * (rowFragment * tile.ColumnFragments + columnFragment) + part}";
}
