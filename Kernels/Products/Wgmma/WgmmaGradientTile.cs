using System.Globalization;
using System.Text;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A tile of a weight gradient on wgmma: 128 output channels, 64 for each of two warpgroups, by chunks of 64 input channels at a tap; 64
/// pixels a step. Lays out shared memory and generates the inline PTX that depends on the width.
/// </summary>
/// <remarks>
/// Both operands are transposed: a row of 128 bytes is a pixel. Accumulators lie in threads as in <see cref="WgmmaTile"/>. On their way to
/// memory sums pass through shared memory in parts of 32 columns, from where bulk stores write whole lines, or add to what is there; so a
/// block begins its next tile while the last parts leave.
/// </remarks>
/// <param name="Columns">64, 128, 192 or 256.</param>
internal sealed record WgmmaGradientTile(int Columns)
{
    /// <summary>Columns of a part: 128 bytes of fp32, as the swizzle wants.</summary>
    public const int PartColumns = 32;

    /// <summary>Most parts of a tile.</summary>
    public const int MaxParts = 8;

    /// <summary>Ones in bf16: sixteen rows of a chunk, which all products with ones read.</summary>
    public const int OnesBytes = 2048;

    private const int BarrierBytes = 256, MaxStages = 8, PartsInFlight = 2, ProducerRegisters = 40;

    /// <summary>Bytes of both warpgroups' parts on their way to memory.</summary>
    public const int StagingBytes = 2 * PartsInFlight * WgmmaBlock.ChunkBytes;

    /// <summary>Chunks of a tile.</summary>
    public int Chunks => Columns / 64;

    /// <summary>Bytes of both operands of a step.</summary>
    public int StageBytes => (2 + Chunks) * WgmmaBlock.ChunkBytes;

    /// <summary>Steps of operands that shared memory holds.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - StagingBytes - OnesBytes - BarrierBytes) / StageBytes);

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => Stages * StageBytes + StagingBytes + OnesBytes + BarrierBytes;

    /// <summary>Names the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"n{Columns}";

    /// <summary>All macros by name.</summary>
    public IReadOnlyDictionary<string, string> Macros()
    {
        var macros = new Dictionary<string, string>(WgmmaGradientCopies.Macros())
        {
            ["declare"] = $".reg .f32 acc<{Columns / 2}>, row<4>;\n.reg .pred always;\n.reg .b64 da, db;\n.reg .b32 sbase;\nmov.u32 sbase, {PtxSource.SharedMemory};\nsetp.eq.s32 always, 0, 0;",
            ["releaseRegisters"] = WgmmaBlock.ReleaseRegisters(ProducerRegisters),
            ["takeRegisters"] = WgmmaBlock.TakeRegisters(ProducerRegisters),
            ["clear"] = string.Join('\n', Sums.Concat(RowSums).Select(sum => $"mov.f32 {sum}, 0f00000000;")),
            ["multiply"] = Multiply(false),
            ["multiplyAndSum"] = Multiply(true),
            // $0: address of the first row's sum; $1: 0 in the threads that have the first column; $2, $3: whether the rows are to be stored;
            // $4: factor; $5: 1 to add to what is there.
            ["storeSums"] = "{\n.reg .pred low, high, adds;\n.reg .f32 v<2>;\nmov.f32 v0, 0f00000000;\nmov.f32 v1, 0f00000000;\n"
                + "setp.eq.s32 adds, $1, 0;\nsetp.ne.and.s32 low, $2, 0, adds;\nsetp.ne.and.s32 high, $3, 0, adds;\nsetp.ne.and.s32 adds, $5, 0, low;\n"
                + "@adds ld.global.f32 v0, [$0];\nsetp.ne.and.s32 adds, $5, 0, high;\n@adds ld.global.f32 v1, [$0 + 32];\n"
                + "fma.rn.f32 v0, row0, $4, v0;\nfma.rn.f32 v1, row2, $4, v1;\n@low st.global.f32 [$0], v0;\n@high st.global.f32 [$0 + 32], v1;\n}",
        };
        for (int part = 0; part < MaxParts; part++)
            macros[$"storePart{part}"] = part < Columns / PartColumns ? StorePart(part) : "";
        return macros;
    }

    private IEnumerable<string> Sums => Enumerable.Range(0, Columns / 2).Select(i => $"acc{i}");

    /// <summary>The sums over pixels of a row's channel, eight times: what a product with ones gives.</summary>
    private static IEnumerable<string> RowSums => Enumerable.Range(0, 4).Select(i => $"row{i}");

    /// <summary>Four products of 16 pixels, added to the sums; $0, $1: descriptors of dy and x; $2: of ones, to sum dy over pixels too.</summary>
    private string Multiply(bool sumRows)
    {
        var text = new StringBuilder("wgmma.fence.sync.aligned;\n");
        for (int slice = 0; slice < WgmmaTile.Depth / 16; slice++)
        {
            int down = slice * WgmmaOperand.DepthStep(WgmmaOperand.AcrossRows);
            text.Append(CultureInfo.InvariantCulture, $"add.s64 da, $0, {down};\nadd.s64 db, $1, {down};\n");
            AppendProduct(text, Columns, Sums, "db");
            if (sumRows)
                AppendProduct(text, 8, RowSums, "$2");
        }

        return text.Append("wgmma.commit_group.sync.aligned;").ToString();
    }

    private static void AppendProduct(StringBuilder text, int columns, IEnumerable<string> sums, string b) => text.Append(
        CultureInfo.InvariantCulture, $"wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {{{string.Join(", ", sums)}}}, da, {b}, always, 1, 1, 1, 1;\n");

    /// <summary>
    /// A part of the tile, times a factor, to memory. $0: address of the thread's first row in the warpgroup's staging area, 8 (lane % 2)
    /// further on; $1: where in the row its 16 bytes of the first eight columns lie, by the swizzle; $2: factor; $3: map (c, tap, k) of the
    /// target; $4, $5, $6: the part's place there; $7: lane; $8: 1 to add to what is there; $9: barrier of the warpgroup.
    /// </summary>
    private static string StorePart(int part)
    {
        const string Store = "bulk.tensor.3d.global.shared::cta";
        int place = part % PartsInFlight * WgmmaBlock.ChunkBytes;
        // Only the first thread has stores: the others pass the wait, and meet it at the barrier.
        var text = new StringBuilder("{\n.reg .f32 v<4>;\n.reg .b32 to;\n.reg .pred lead, adds, puts;\n");
        text.Append(CultureInfo.InvariantCulture, $"cp.async.bulk.wait_group.read {PartsInFlight - 1};\nbar.sync $9, 128;\n");
        for (int run = 0; run < PartColumns / 8; run++)
        {
            for (int i = 0; i < 4; i++)
                text.Append(CultureInfo.InvariantCulture, $"mul.f32 v{i}, acc{4 * (part * PartColumns / 8 + run) + i}, $2;\n");
            text.Append(CultureInfo.InvariantCulture, $"xor.b32 to, $1, {32 * run};\nadd.s32 to, to, $0;\n");
            text.Append(CultureInfo.InvariantCulture, $"st.shared.v2.f32 [to + {place}], {{v0, v1}};\nst.shared.v2.f32 [to + {place + 1024}], {{v2, v3}};\n");
        }

        text.Append("fence.proxy.async.shared::cta;\nbar.sync $9, 128;\nsetp.eq.s32 lead, $7, 0;\nsetp.ne.and.s32 adds, $8, 0, lead;\nsetp.eq.and.s32 puts, $8, 0, lead;\n");
        text.Append(CultureInfo.InvariantCulture, $"add.s32 to, $0, {place};\n");
        text.Append(CultureInfo.InvariantCulture, $"@adds cp.reduce.async.{Store}.add.tile.bulk_group [$3, {{$4, $5, $6}}], [to];\n");
        text.Append(CultureInfo.InvariantCulture, $"@puts cp.async.{Store}.tile.bulk_group [$3, {{$4, $5, $6}}], [to];\n");
        return text.Append("cp.async.bulk.commit_group;\n}").ToString();
    }
}
