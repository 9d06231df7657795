using System.Globalization;
using System.Reflection;
using System.Text;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A tile whose steps the blocks of a cluster share: shared memory and inline PTX of <see cref="ClusterSplitKConvolution"/>. Operands and products are those
/// of a <see cref="WgmmaTile"/>; the sums take another way to memory.
/// </summary>
internal sealed record ClusterSplitKTile(WgmmaTile Tile)
{
    /// <summary>Two warpgroups that multiply and a warp that copies.</summary>
    public const int Threads = Producer + 32;

    /// <summary>The thread that copies.</summary>
    public const int Producer = 256;

    /// <summary>Bytes of the sums of a column.</summary>
    public const int ColumnBytes = WgmmaTile.Rows * sizeof(float);

    private const int MaxStages = 6, Run = 8, RunBytes = Run * ColumnBytes;

    private static readonly MethodInfo Convolve = ((Delegate)ClusterSplitKConvolution.Convolve).Method;

    /// <summary>Runs of eight columns, of which a thread has two in each of two rows, that a block stores.</summary>
    private int Runs => (Tile.Columns / Run + Tile.Splits - 1) / Tile.Splits;

    /// <summary>Columns that a block stores.</summary>
    public int BlockN => Run * Runs;

    /// <summary>Steps of operands that shared memory holds; not more than pay, so that blocks of other launches have room.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - WgmmaBlock.Alignment - WgmmaTile.BarrierBytes - ExchangeBytes) / Tile.StageBytes);

    private int ExchangeBytes => Tile.Splits * Runs * RunBytes;

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => WgmmaBlock.Alignment + Stages * Tile.StageBytes + WgmmaTile.BarrierBytes + ExchangeBytes;

    /// <summary>What the kernel is compiled from.</summary>
    public PtxKernelSpec Specification() =>
        new(Convolve, $"{Tile.Name}-s{Tile.Splits}", "sm_90a", Threads, SharedBytes, Macros()) { Cluster = Tile.Splits, Resident = 1 };

    private Dictionary<string, string> Macros()
    {
        IReadOnlyDictionary<string, string> of = Tile.Macros();
        return new()
        {
            ["declare"] = $"{of["declare"]}\n.reg .f32 part<{4 * Runs * Tile.Splits}>, of<{2 * Runs}>;\n.reg .f32 old<{4 * Runs}>;\n.reg .pred low<{Runs}>, high<{Runs}>;\n.reg .b64 away;{(Tile.Shortcut ? "" : "\n.reg .b64 apart;")}",
            // $0, $1: bytes from the bias to the shortcut's, from the output to the residual.
            ["keepApart"] = "mov.b64 apart, $0;\nmov.b64 away, $1;",
            ["clear"] = of["clear"],
            ["multiply"] = of["multiply"],
            ["loadB"] = of["loadB"],
            ["prefetchB"] = PrefetchB(),
            // $0: columns that are left; $1, $2: whether the rows are to be stored.
            ["inside"] = $"{{\n.reg .pred in;\n{PerRun(run => $"setp.gt.s32 in, $0, {Run * run};\nsetp.ne.and.s32 low{run}, $1, 0, in;\nsetp.ne.and.s32 high{run}, $2, 0, in;\n")}}}",
            ["fetchBias"] = FetchBias(),
            // $0, $1: addresses of the first column in the two rows.
            ["fetchResidual"] = FetchResidual(),
            // $0: where the thread's sums go, eight columns after eight.
            ["leaveSums"] = string.Concat(Enumerable.Range(0, Tile.Columns / Run).Select(i => $"st.shared.v4.f32 [$0 + {i * RunBytes}], {Quad("acc", 4 * i)};\n")),
            ["gatherSums"] = GatherSums(),
            ["store"] = Store(),
        };
    }

    /// <summary>Brings a step's weights into the cache. $0: map (c, tap, k); $1: first column; $2: first inner index; $3: tap.</summary>
    private string PrefetchB()
    {
        const string Form = "cp.async.bulk.prefetch.tensor.3d.L2.global.tile";
        if (!Tile.TransposeB)
            return $"{Form} [$0, {{$2, $3, $1}}];";
        return $"{{\n.reg .b32 column;\n{string.Concat(Enumerable.Range(0, Tile.Chunks).Select(chunk => $"add.s32 column, $1, {64 * chunk};\n{Form} [$0, {{column, $3, $2}}];\n"))}}}";
    }

    /// <summary>$0: address of the bias of the first column; $1, $2: whether the rows take it. There may be none, and what lies there could be a NaN.</summary>
    private string FetchBias()
    {
        var text = new StringBuilder("{\n.reg .f32 b0, b1;\n.reg .b64 second;\n.reg .pred any, biased;\nadd.f32 b0, $1, $2;\nsetp.neu.f32 any, b0, 0f00000000;\nadd.s64 second, $0, apart;\n");
        for (int run = 0; run < Runs; run++)
        {
            text.Append(CultureInfo.InvariantCulture, $"or.pred biased, low{run}, high{run};\nand.pred biased, biased, any;\nmov.f32 of{2 * run}, 0f00000000;\nmov.f32 of{2 * run + 1}, 0f00000000;\n");
            text.Append(CultureInfo.InvariantCulture, $"@biased ld.global.nc.v2.f32 {{of{2 * run}, of{2 * run + 1}}}, [$0 + {32 * run}];\n");
            if (!Tile.Shortcut)
                continue;
            text.Append(CultureInfo.InvariantCulture, $"mov.f32 b0, 0f00000000;\nmov.f32 b1, 0f00000000;\n@biased ld.global.nc.v2.f32 {{b0, b1}}, [second + {32 * run}];\n");
            text.Append(CultureInfo.InvariantCulture, $"add.f32 of{2 * run}, of{2 * run}, b0;\nadd.f32 of{2 * run + 1}, of{2 * run + 1}, b1;\n");
        }

        return text.Append('}').ToString();
    }

    private string FetchResidual()
    {
        string clear = string.Concat(Enumerable.Range(0, 4 * Runs).Select(i => $"mov.f32 old{i}, 0f00000000;\n"));
        if (!Tile.Residual)
            return clear;
        string Row(int run, int row, string when) => Tile.Fp32Output
            ? $"@{when}{run} ld.global.v2.f32 {{old{4 * run + 2 * row}, old{4 * run + 2 * row + 1}}}, [at{row} + {32 * run}];\n"
            : $"mov.b32 both, 0;\n@{when}{run} ld.global.b32 both, [at{row} + {16 * run}];\nshl.b32 half, both, 16;\nmov.b32 old{4 * run + 2 * row}, half;\nand.b32 half, both, 0xFFFF0000;\nmov.b32 old{4 * run + 2 * row + 1}, half;\n";
        return $"{{\n.reg .b32 both, half;\n.reg .b64 at0, at1;\nadd.s64 at0, $0, away;\nadd.s64 at1, $1, away;\n{clear}{PerRun(run => Row(run, 0, "low") + Row(run, 1, "high"))}}}";
    }

    /// <summary>$0: address of the thread's sums of the block's first column; $1: the block's place. The sums end up as the first of the tile.</summary>
    private string GatherSums()
    {
        var text = new StringBuilder("{\n.reg .b32 block, from;\n.reg .pred over;\nmov.b32 block, $1;\n");
        for (int i = 0; i < Tile.Splits; i++)
        {
            text.Append("mapa.shared::cluster.u32 from, $0, block;\n");
            for (int run = 0; run < Runs; run++)
                text.Append(CultureInfo.InvariantCulture, $"ld.shared::cluster.v4.f32 {Quad("part", 4 * (Runs * i + run))}, [from + {run * RunBytes}];\n");
            text.Append(CultureInfo.InvariantCulture, $"add.s32 block, block, 1;\nsetp.ge.s32 over, block, {Tile.Splits};\n@over mov.b32 block, 0;\n");
        }

        for (int sum = 0; sum < 4 * Runs; sum++)
        {
            text.Append(CultureInfo.InvariantCulture, $"mov.f32 acc{sum}, part{sum};\n");
            for (int i = 1; i < Tile.Splits; i++)
                text.Append(CultureInfo.InvariantCulture, $"add.f32 acc{sum}, acc{sum}, part{4 * Runs * i + sum};\n");
        }

        return text.Append('}').ToString();
    }

    /// <summary>
    /// Stores alpha (sum + bias) + beta residual. $0, $1: addresses of the first column in the two rows; $2: alpha; $3: beta; $4, $5: whether
    /// the rows take the bias, as 0 or 1.
    /// </summary>
    private string Store()
    {
        string Row(int run, int row, string when)
        {
            int i = 4 * run + 2 * row;
            string sums = string.Concat(Enumerable.Range(0, 2).Select(j => $"fma.rn.f32 v{j}, of{2 * run + j}, ${4 + row}, acc{i + j};\nmul.f32 v{j}, v{j}, $2;\nfma.rn.f32 v{j}, old{i + j}, $3, v{j};\n"));
            return sums + (Tile.Fp32Output
                ? $"@{when}{run} st.global.v2.f32 [${row} + {32 * run}], {{v0, v1}};\n"
                : $"cvt.rn.bf16x2.f32 both, v1, v0;\n@{when}{run} st.global.b32 [${row} + {16 * run}], both;\n");
        }

        return $"{{\n.reg .f32 v0, v1;\n.reg .b32 both;\n{PerRun(run => Row(run, 0, "low") + Row(run, 1, "high"))}}}";
    }

    private string PerRun(Func<int, string> text) => string.Concat(Enumerable.Range(0, Runs).Select(text));

    private static string Quad(string name, int first) => string.Create(
        CultureInfo.InvariantCulture, $"{{{name}{first}, {name}{first + 1}, {name}{first + 2}, {name}{first + 3}}}");
}
