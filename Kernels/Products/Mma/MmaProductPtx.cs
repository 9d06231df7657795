using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The inline PTX of <see cref="MmaProduct"/>: copies to shared memory, loads of fragments and products. Its registers are named here, so that
/// C# code only passes addresses and bounds.
/// </summary>
/// <remarks>
/// Instructions: cp.async (16 bytes, or 16 zeros if the size operand is 0), ldmatrix.x4, and mma.m16n8k16 with bf16 operands and fp32 sums; PTX ISA,
/// section of each. In the fragments of a product, lane l holds row l / 4 (and the row 8 below), terms 2 (l % 4) and the next (and the two 8 further
/// on); column l / 4; sums of columns 2 (l % 4) and the next.
/// </remarks>
internal static class MmaProductPtx
{
    /// <summary>Rows or columns that one round of copies brings: neighbouring threads copy the 4 pieces of a row, or the 8 pieces of a line.</summary>
    public const int RowsPerCopy = 64;

    /// <summary>Maximum number of rounds in which a tile copies an operand; kernels name as many offsets.</summary>
    public const int MaxCopies = 4;

    /// <summary>All macros by name.</summary>
    public static Dictionary<string, string> Macros(MmaVariant variant)
    {
        MmaTile tile = variant.Tile;
        int rowCopies = tile.Rows / RowsPerCopy, columnCopies = tile.Columns / RowsPerCopy;
        var macros = new Dictionary<string, string>
        {
            ["declare"] = Declare(tile),
            // $0, $1: offsets at which the thread copies in the row and column operand; $2, $3: offsets that it addresses in them.
            ["places"] = $"""
                add.u32 rowput, shared, $0;
                add.u32 colput, shared, $1;
                add.u32 colput, colput, {tile.RowBytes};
                add.u32 rowget, shared, $2;
                add.u32 colget, shared, $3;
                add.u32 colget, colget, {tile.RowBytes};
                """,
            ["rowlimits"] = Limits("row", rowCopies),
            ["columnlimits"] = Limits("col", columnCopies),
            ["copyrows"] = CopyRows(rowCopies),
            ["copycolumns"] = CopyColumns(columnCopies),
            ["copyrowlines"] = CopyLines("row", rowCopies),
            ["copycolumnlines"] = CopyLines("col", columnCopies),
            ["commit"] = Text(text => Advance(text.Add("cp.async.commit_group;"), "put", tile)),
            ["prepare"] = Text(text => Load(Await(text), variant, 0)),
            // Before the step's copies: ptxas keeps the order of reads and writes of shared memory.
            ["ahead"] = Text(text => Load(text, variant, 1)),
            ["multiply"] = Text(text => Multiply(Load(Await(Advance(Multiply(text, tile, 0), "get", tile)), variant, 0), tile, 1)),
        };
        for (int i = 0; i < MaxCopies; i++)
        {
            // $0: first element of the row's channels; $1: the taps inside of the image, from bit 4 on.
            macros[$"row{i}"] = i < rowCopies ? $"mov.b32 rowat{i}, $0;\nmov.b32 taps{i}, $1;" : "";
            macros[$"column{i}"] = i < columnCopies ? $"mov.b32 colat{i}, $0;" : "";
        }

        MmaEpiloguePtx.AddMacros(macros, variant);
        return macros;
    }

    private static string Text(Action<PtxText> write)
    {
        var text = new PtxText();
        write(text);
        return text.ToString();
    }

    /// <summary>Declares registers, sets the sums to zero, and computes the address of shared memory.</summary>
    private static string Declare(MmaTile tile)
    {
        var text = new PtxText();
        text.Add($"""
            .reg .f32 sum<{tile.Sums}>;
            .reg .b32 rowfrag<{2 * 4 * tile.RowFragments}>, colfrag<{2 * 2 * tile.ColumnFragments}>;
            .reg .b32 shared, put, get, rowput, colput, rowget, colget, rowread, colread, into, size, at;
            .reg .b32 rowat<{MaxCopies}>, colat<{MaxCopies}>, taps<{MaxCopies}>, rowlimit<{MaxCopies}>, collimit<{MaxCopies}>;
            .reg .b64 from;
            .reg .pred test;
            mov.u32 shared, {PtxSource.SharedMemory};
            mov.b32 put, 0;
            mov.b32 get, 0;
            """);
        for (int i = 0; i < tile.Sums; i++)
            text.Add($"mov.f32 sum{i}, 0f00000000;");
        return text.ToString();
    }

    /// <summary>$0: number of rows or columns of the matrix from the thread's first piece on. A piece is copied whole or not at all.</summary>
    private static string Limits(string operand, int copies)
    {
        var text = new PtxText();
        for (int i = 0; i < copies; i++)
        {
            text.Add($"""
                setp.gt.s32 test, $0, {i * RowsPerCopy};
                selp.b32 {operand}limit{i}, 16, 0, test;
                """);
        }

        return text.ToString();
    }

    /// <summary>$0: address of the tensor; $1: elements from a row's pixel to its piece; $2: 16, or 0 for zeros; $3: the tap.</summary>
    private static string CopyRows(int copies)
    {
        var text = new PtxText().Add("add.u32 into, rowput, put;");
        for (int i = 0; i < copies; i++)
        {
            text.Add($"""
                shr.u32 size, taps{i}, $3;
                and.b32 size, size, $2;
                add.s32 at, rowat{i}, $1;
                mad.wide.s32 from, at, 2, $0;
                cp.async.cg.shared.global [into+{MmaLayout.Row(i * RowsPerCopy, 0)}], [from], 16, size;
                """);
        }

        return text.ToString();
    }

    /// <summary>$0: address of the tensor; $1: elements from a column's start to its piece; $2: 16, or 0 for zeros.</summary>
    private static string CopyColumns(int copies)
    {
        var text = new PtxText().Add("add.u32 into, colput, put;");
        for (int i = 0; i < copies; i++)
        {
            text.Add($"""
                and.b32 size, collimit{i}, $2;
                add.s32 at, colat{i}, $1;
                mad.wide.s32 from, at, 2, $0;
                cp.async.cg.shared.global [into+{MmaLayout.Column(i * RowsPerCopy, 0)}], [from], 16, size;
                """);
        }

        return text.ToString();
    }

    /// <summary>$0: address of the tensor; $1: element of the thread's first piece; $2: 16, or 0 for zeros.</summary>
    private static string CopyLines(string operand, int copies)
    {
        const int bytes = RowsPerCopy * 2;
        var text = new PtxText();
        text.Add($"""
            add.u32 into, {operand}put, put;
            mad.wide.s32 from, $1, 2, $0;
            """);
        for (int i = 0; i < copies; i++)
        {
            text.Add($"""
                and.b32 size, {operand}limit{i}, $2;
                cp.async.cg.shared.global [into+{i * bytes}], [from+{i * bytes}], 16, size;
                """);
        }

        return text.ToString();
    }

    /// <summary>Moves on to the next stage.</summary>
    private static PtxText Advance(PtxText text, string stage, MmaTile tile) => text.Add($"""
        add.u32 {stage}, {stage}, {tile.StageBytes};
        setp.eq.u32 test, {stage}, {tile.SharedBytes};
        selp.b32 {stage}, 0, {stage}, test;
        """);

    /// <summary>
    /// Waits until the next stage has arrived for every thread: all copies but the last two. After the barrier every thread has also read the
    /// previous stage, which may then be overwritten.
    /// </summary>
    private static PtxText Await(PtxText text) => text.Add($"""
        cp.async.wait_group {MmaTile.Stages - 2};
        bar.sync 0;
        add.u32 rowread, rowget, get;
        add.u32 colread, colget, get;
        """);

    /// <summary>Loads the fragments of 16 terms of the stage; each half of the terms has registers of its own.</summary>
    private static PtxText Load(PtxText text, MmaVariant variant, int slice)
    {
        MmaTile tile = variant.Tile;
        for (int i = 0; i < tile.RowFragments; i++)
        {
            var step = variant.RowLines ? MmaLayout.RowLineStep(i, slice, 2 * tile.Rows) : MmaLayout.RowStep(i, slice);
            LoadFour(text, "row", slice * 4 * tile.RowFragments + 4 * i, step, variant.RowLines);
        }

        for (int i = 0; i < tile.ColumnFragments / 2; i++)
        {
            var step = variant.ColumnLines ? MmaLayout.ColumnLineStep(i, slice, 2 * tile.Columns, tile.GroupStride) : MmaLayout.ColumnStep(i, slice, tile.GroupStride);
            LoadFour(text, "col", slice * 2 * tile.ColumnFragments + 4 * i, step, variant.ColumnLines);
        }

        return text;
    }

    private static void LoadFour(PtxText text, string operand, int register, (int Toggle, int Offset) step, bool turned)
    {
        string r = operand + "frag";
        text.Add($$"""
            xor.b32 at, {{operand}}read, {{step.Toggle}};
            ldmatrix.sync.aligned.m8n8.x4{{(turned ? ".trans" : "")}}.shared.b16 {{{r}}{{register}}, {{r}}{{register + 1}}, {{r}}{{register + 2}}, {{r}}{{register + 3}}}, [at+{{step.Offset}}];
            """);
    }

    private static PtxText Multiply(PtxText text, MmaTile tile, int slice)
    {
        for (int i = 0; i < tile.RowFragments; i++)
        {
            for (int j = 0; j < tile.ColumnFragments; j++)
            {
                int a = slice * 4 * tile.RowFragments + 4 * i, b = slice * 2 * tile.ColumnFragments + 2 * j, s = 4 * (i * tile.ColumnFragments + j);
                string sums = $"{{sum{s}, sum{s + 1}, sum{s + 2}, sum{s + 3}}}";
                text.Add($$"""
                    mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {{sums}}, {rowfrag{{a}}, rowfrag{{a + 1}}, rowfrag{{a + 2}}, rowfrag{{a + 3}}}, {colfrag{{b}}, colfrag{{b + 1}}}, {{sums}};
                    """);
            }
        }

        return text;
    }
}
