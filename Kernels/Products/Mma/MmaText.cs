using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>What decides the text of a kernel's macros.</summary>
/// <param name="Tile">The tile.</param>
/// <param name="RowLines">Whether the row operand lies in lines (<see cref="MmaLayout"/>).</param>
/// <param name="ColumnLines">Whether the column operand does.</param>
/// <param name="Output">Storage type of the result and of the residual.</param>
/// <param name="HasBias">Whether a bias is added.</param>
/// <param name="HasResidual">Whether a residual is added.</param>
internal sealed record MmaVariant(MmaTile Tile, bool RowLines, bool ColumnLines, DType Output, bool HasBias, bool HasResidual)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Tile} {Output}{(HasBias ? " bias" : "")}{(HasResidual ? " residual" : "")}";
}

/// <summary>
/// The macros of the tensor-core kernels below Hopper's: copies to shared memory, loads of fragments and products. Their
/// registers are named here, so that C# code only passes addresses and bounds.
/// </summary>
/// <remarks>
/// Instructions: cp.async (16 bytes, the rest of which is zero-filled where the size operand is 0), ldmatrix.x4, and
/// mma.m16n8k16 with bf16 operands and fp32 sums; PTX ISA, sections on each. In a product's fragments lane l holds row
/// l / 4 (and that + 8), terms 2 (l % 4) and the next (and those + 8); column l / 4; sums of columns 2 (l % 4) and the next.
/// </remarks>
internal static class MmaText
{
    /// <summary>Threads that copy one row's 4 pieces are neighbours, and so are those of 8 pieces of a line: 64 rows or columns a turn.</summary>
    public const int RowsPerCopy = 64;

    /// <summary>Most turns a tile takes to copy an operand: kernels name the places of so many.</summary>
    public const int MostCopies = 4;

    /// <summary>Text of every macro by name.</summary>
    public static Dictionary<string, string> Macros(MmaVariant variant)
    {
        MmaTile tile = variant.Tile;
        int rowCopies = tile.Rows / RowsPerCopy, columnCopies = tile.Columns / RowsPerCopy;
        var macros = new Dictionary<string, IEnumerable<string>>
        {
            ["declare"] = Declare(variant),
            // $0, $1: where the thread copies in the row and column operand; $2, $3: what it addresses in them.
            ["places"] =
            [
                "add.u32 rowput, shared, $0;", $"add.u32 colput, shared, $1;", $"add.u32 colput, colput, {tile.RowBytes};",
                "add.u32 rowget, shared, $2;", $"add.u32 colget, shared, $3;", $"add.u32 colget, colget, {tile.RowBytes};",
            ],
            ["rowlimits"] = Limits("row", rowCopies),
            ["columnlimits"] = Limits("col", columnCopies),
            ["copyrows"] = CopyRows(rowCopies),
            ["copycolumns"] = CopyColumns(columnCopies),
            ["copyrowlines"] = CopyLines("row", rowCopies),
            ["copycolumnlines"] = CopyLines("col", columnCopies),
            ["commit"] = ["cp.async.commit_group;", .. Advance("put", tile)],
            ["prepare"] = [.. Await(), .. Load(variant, 0)],
            // Before the step's copies: ptxas keeps the order of what reads and what writes shared memory.
            ["ahead"] = [.. Load(variant, 1)],
            ["multiply"] = [.. Products(tile, 0), .. Advance("get", tile), .. Await(), .. Load(variant, 0), .. Products(tile, 1)],
        };
        for (int i = 0; i < MostCopies; i++)
        {
            // $0: first element of the row's channels; $1: the taps inside of the image, from bit 4 on.
            macros[$"row{i}"] = i < rowCopies ? [$"mov.b32 rowat{i}, $0;", $"mov.b32 taps{i}, $1;"] : [];
            macros[$"column{i}"] = i < columnCopies ? [$"mov.b32 colat{i}, $0;"] : [];
        }

        foreach ((string name, IEnumerable<string> text) in MmaStoreText.Macros(variant))
            macros[name] = text;
        return macros.ToDictionary(macro => macro.Key, macro => string.Join('\n', macro.Value));
    }

    /// <summary>Registers, sums of zero, and the address of shared memory.</summary>
    private static IEnumerable<string> Declare(MmaVariant variant)
    {
        MmaTile tile = variant.Tile;
        yield return $".reg .f32 sum<{tile.Sums}>;";
        yield return $".reg .b32 rowfrag<{2 * 4 * tile.RowFragments}>, colfrag<{2 * 2 * tile.ColumnFragments}>;";
        yield return $".reg .b32 shared, put, get, rowput, colput, rowget, colget, rowread, colread, into, size, at;";
        yield return $".reg .b32 rowat<{MostCopies}>, colat<{MostCopies}>, taps<{MostCopies}>, rowlimit<{MostCopies}>, collimit<{MostCopies}>;";
        yield return ".reg .b64 from;";
        yield return ".reg .pred test;";
        yield return $"mov.u32 shared, {PtxSource.SharedMemory};";
        yield return "mov.b32 put, 0;";
        yield return "mov.b32 get, 0;";
        for (int i = 0; i < tile.Sums; i++)
            yield return $"mov.f32 sum{i}, 0f00000000;";
    }

    /// <summary>$0: rows or columns of the matrix from the thread's first piece on. A piece is copied whole or not at all.</summary>
    private static IEnumerable<string> Limits(string operand, int copies)
    {
        for (int i = 0; i < copies; i++)
        {
            yield return $"setp.gt.s32 test, $0, {i * RowsPerCopy};";
            yield return $"selp.b32 {operand}limit{i}, 16, 0, test;";
        }
    }

    /// <summary>$0: address of the tensor; $1: elements from a row's place to its piece; $2: 16, or 0 for zeros; $3: the tap.</summary>
    private static IEnumerable<string> CopyRows(int copies)
    {
        yield return "add.u32 into, rowput, put;";
        for (int i = 0; i < copies; i++)
        {
            yield return $"shr.u32 size, taps{i}, $3;";
            yield return "and.b32 size, size, $2;";
            yield return $"add.s32 at, rowat{i}, $1;";
            yield return "mad.wide.s32 from, at, 2, $0;";
            yield return $"cp.async.cg.shared.global [into+{MmaLayout.Row(i * RowsPerCopy, 0)}], [from], 16, size;";
        }
    }

    /// <summary>$0: address of the tensor; $1: elements from a column's place to its piece; $2: 16, or 0 for zeros.</summary>
    private static IEnumerable<string> CopyColumns(int copies)
    {
        yield return "add.u32 into, colput, put;";
        for (int i = 0; i < copies; i++)
        {
            yield return $"and.b32 size, collimit{i}, $2;";
            yield return $"add.s32 at, colat{i}, $1;";
            yield return "mad.wide.s32 from, at, 2, $0;";
            yield return $"cp.async.cg.shared.global [into+{MmaLayout.Column(i * RowsPerCopy, 0)}], [from], 16, size;";
        }
    }

    /// <summary>$0: address of the tensor; $1: element of the thread's first piece; $2: 16, or 0 for zeros.</summary>
    private static IEnumerable<string> CopyLines(string operand, int copies)
    {
        const int bytes = RowsPerCopy * 2;
        yield return $"add.u32 into, {operand}put, put;";
        yield return "mad.wide.s32 from, $1, 2, $0;";
        for (int i = 0; i < copies; i++)
        {
            yield return $"and.b32 size, {operand}limit{i}, $2;";
            yield return $"cp.async.cg.shared.global [into+{i * bytes}], [from+{i * bytes}], 16, size;";
        }
    }

    /// <summary>Moves on to the next stage of the ring.</summary>
    private static IEnumerable<string> Advance(string ring, MmaTile tile) =>
    [
        $"add.u32 {ring}, {ring}, {tile.StageBytes};",
        $"setp.eq.u32 test, {ring}, {tile.SharedBytes};",
        $"selp.b32 {ring}, 0, {ring}, test;",
    ];

    /// <summary>
    /// Waits until the next stage has arrived for every thread: all but the last two copies. Behind the barrier all threads
    /// have also read the stage before, which may be overwritten from now on.
    /// </summary>
    private static IEnumerable<string> Await() =>
    [
        $"cp.async.wait_group {MmaTile.Stages - 2};",
        "bar.sync 0;",
        "add.u32 rowread, rowget, get;",
        "add.u32 colread, colget, get;",
    ];

    /// <summary>Loads the fragments of 16 terms of the stage; each half of the terms has registers of its own.</summary>
    private static IEnumerable<string> Load(MmaVariant variant, int slice)
    {
        MmaTile tile = variant.Tile;
        for (int i = 0; i < tile.RowFragments; i++)
        {
            var step = variant.RowLines ? MmaLayout.RowLineStep(i, slice, 2 * tile.Rows) : MmaLayout.RowStep(i, slice);
            foreach (string line in LoadFour("row", slice * 4 * tile.RowFragments + 4 * i, step, variant.RowLines))
                yield return line;
        }

        for (int i = 0; i < tile.ColumnFragments / 2; i++)
        {
            var step = variant.ColumnLines ? MmaLayout.ColumnLineStep(i, slice, 2 * tile.Columns, tile.GroupStride) : MmaLayout.ColumnStep(i, slice, tile.GroupStride);
            foreach (string line in LoadFour("col", slice * 2 * tile.ColumnFragments + 4 * i, step, variant.ColumnLines))
                yield return line;
        }
    }

    private static IEnumerable<string> LoadFour(string operand, int register, (int Toggle, int Offset) step, bool turned)
    {
        string r = operand + "frag", registers = $"{{{r}{register}, {r}{register + 1}, {r}{register + 2}, {r}{register + 3}}}";
        yield return $"xor.b32 at, {operand}read, {step.Toggle};";
        yield return $"ldmatrix.sync.aligned.m8n8.x4{(turned ? ".trans" : "")}.shared.b16 {registers}, [at+{step.Offset}];";
    }

    private static IEnumerable<string> Products(MmaTile tile, int slice)
    {
        for (int i = 0; i < tile.RowFragments; i++)
        {
            for (int j = 0; j < tile.ColumnFragments; j++)
            {
                int a = slice * 4 * tile.RowFragments + 4 * i, b = slice * 2 * tile.ColumnFragments + 2 * j, s = 4 * (i * tile.ColumnFragments + j);
                string sums = $"{{sum{s}, sum{s + 1}, sum{s + 2}, sum{s + 3}}}";
                yield return $"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {sums}, "
                    + $"{{rowfrag{a}, rowfrag{a + 1}, rowfrag{a + 2}, rowfrag{a + 3}}}, {{colfrag{b}, colfrag{b + 1}}}, {sums};";
            }
        }
    }
}
