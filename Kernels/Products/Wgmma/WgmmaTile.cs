using System.Globalization;
using System.Text;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A tile of a matrix product on wgmma: 128 rows, 64 for each of two warpgroups, by <see cref="Columns"/>, 64 of the inner index a step.
/// Lays out shared memory and generates the inline PTX that depends on the width: declarations, products, and the way of
/// the sums from registers to memory.
/// </summary>
/// <remarks>
/// Operands lie in chunks of 64 elements (128 bytes) a row with the 128-byte swizzle. Where the inner index is contiguous a
/// row is an index of the output, else a row is an inner index (the transposed forms of wgmma, PTX ISA 8.0, section 9.7.14).
/// Accumulator i of a thread: column 8 (i / 4) + 2 (lane % 4) + i % 2, row lane / 4 of its warp's 16, 8 further down for i % 4 above 1.
/// </remarks>
internal sealed partial record WgmmaTile(int Columns, bool TransposeB, bool Residual, bool Fp32Output, int Cluster)
{
    /// <summary>Blocks that share the inner index of a tile, as a <see cref="ClusterSplitKTile"/>, where tiles are few.</summary>
    public int Splits { get; init; } = 1;

    /// <summary>Sixteens of inner indices in the last slice of a tap, 1 to 4: what is beyond them is not multiplied.</summary>
    public int LastDepth { get; init; } = Depth / 16;

    /// <summary>Whether a shortcut, with a bias of its own, is part of the sums, see <see cref="WgmmaConvolution"/>.</summary>
    public bool Shortcut { get; init; }

    /// <summary>Rows of a tile.</summary>
    public const int Rows = 128;

    /// <summary>Inner indices of a step, and columns of a chunk: a row of 128 bytes.</summary>
    public const int Depth = 64;

    /// <summary>Registers of a producer thread.</summary>
    private const int ProducerRegisters = 40;

    private const int MaxStages = 8;

    /// <summary>Room for the barriers of the ring.</summary>
    public const int BarrierBytes = 256;

    /// <summary>
    /// WorkTiles, which say where a tile lies: the copying thread writes one for each tile, and may not write over it before all have read it. It is
    /// at most as many tiles ahead as the ring has places, and threads that still read are at most one product behind.
    /// </summary>
    public const int WorkTiles = 2 * MaxStages, WorkTileBytes = 16;

    /// <summary>Chunks of 64 columns, the last perhaps partly used.</summary>
    public int Chunks => (Columns + 63) / 64;

    /// <summary>
    /// Whether chunks are to be stored through a map of each column of tiles: the last chunk of a tile is only partly its own, and what
    /// follows is another tile's.
    /// </summary>
    /// <param name="columnTiles">Tiles along the output's columns.</param>
    public bool EndsWithinChunk(int columnTiles) => !Fp32Output && columnTiles > 1 && Columns % 64 != 0;

    /// <summary>Bytes of both operands of a step.</summary>
    public int StageBytes => (2 + Chunks) * WgmmaBlock.ChunkBytes;

    /// <summary>Steps of operands that shared memory holds.</summary>
    public int Stages => Math.Min(MaxStages, (WgmmaBlock.MaxSharedBytes - WgmmaBlock.Alignment - BarrierBytes - WorkTiles * WorkTileBytes - StagingBytes) / StageBytes);

    /// <summary>Two chunks of output for each warpgroup, on their way to memory; nothing where sums are stored from registers.</summary>
    public int StagingBytes => Fp32Output ? 0 : 4 * WgmmaBlock.ChunkBytes;

    /// <summary>Dynamic shared memory.</summary>
    public int SharedBytes => WgmmaBlock.Alignment + Stages * StageBytes + StagingBytes + BarrierBytes + WorkTiles * WorkTileBytes;

    /// <summary>Names the tile for <see cref="PtxKernelSpec.Variant"/>.</summary>
    public string Name => $"n{Columns}{(TransposeB ? "-tb" : "")}{(Residual ? "-residual" : "")}{(Fp32Output ? "-fp32" : "")}{(Shortcut ? "-shortcut" : "")}{(LastDepth < Depth / 16 ? $"-k{LastDepth}" : "")}-c{Cluster}";

    /// <summary>All macros by name.</summary>
    public IReadOnlyDictionary<string, string> Macros()
    {
        var macros = new Dictionary<string, string>
        {
            ["declare"] = $".reg .f32 acc<{Columns / 2}>;\n.reg .pred always;\n.reg .b64 da, db;\n.reg .b32 sbase;\nmov.u32 sbase, {PtxSource.SharedMemory};\nsetp.eq.s32 always, 0, 0;{(Shortcut ? "\n.reg .b64 apart;" : "")}",
            // $0: bytes from one bias to the other.
            ["keepBias"] = Shortcut ? "mov.b64 apart, $0;" : "",
            ["releaseRegisters"] = WgmmaBlock.ReleaseRegisters(ProducerRegisters),
            ["takeRegisters"] = WgmmaBlock.TakeRegisters(ProducerRegisters),
            ["clear"] = string.Join('\n', Sums.Select(sum => $"mov.f32 {sum}, 0f00000000;")),
            ["multiply"] = Multiply(),
            // Chunks take turns at two places; after an odd number a tile starts where the one before it stored last.
            ["beginTile"] = Chunks % 2 != 0 && !Fp32Output ? "cp.async.bulk.wait_group.read 0;" : "",
            ["loadB"] = LoadB(),
        };
        for (int chunk = 0; chunk < 4; chunk++)
        {
            macros[$"bf16Chunk{chunk}"] = chunk < Chunks && !Fp32Output ? Bf16Chunk(chunk) : "";
            macros[$"fp32Chunk{chunk}"] = chunk < Chunks && Fp32Output ? Fp32Chunk(chunk) : "";
        }

        return macros;
    }

    /// <summary>The sums of 64 rows.</summary>
    private IEnumerable<string> Sums => Enumerable.Range(0, Columns / 2).Select(i => $"acc{i}");

    /// <summary>
    /// Products of 64 inner indices, or of as many as the last slice of a tap has, added to the sums. $0, $1: descriptors of A and B; $2: 1 in
    /// a tap's last slice, else 0. A branch around each product would part what is one group, so that there are two groups to choose from.
    /// </summary>
    private string Multiply()
    {
        if (LastDepth == Depth / 16)
            return Products(LastDepth);
        return $"{{\n.reg .pred short;\nsetp.ne.s32 short, $2, 0;\n@short bra SHORT;\n{Products(Depth / 16)}\nbra DONE;\nSHORT:\n{Products(LastDepth)}\nDONE:\n}}";
    }

    private string Products(int slices)
    {
        var text = new StringBuilder("wgmma.fence.sync.aligned;\n");
        for (int slice = 0; slice < slices; slice++)
        {
            text.Append(CultureInfo.InvariantCulture, $"add.s64 da, $0, {slice * WgmmaOperand.DepthStep(WgmmaOperand.AlongRows)};\nadd.s64 db, $1, {slice * WgmmaOperand.DepthStep(TransposeB ? WgmmaOperand.AcrossRows : WgmmaOperand.AlongRows)};\n");
            text.Append(CultureInfo.InvariantCulture, $"wgmma.mma_async.sync.aligned.m64n{Columns}k16.f32.bf16.bf16 {{{string.Join(", ", Sums)}}}, da, db, always, 1, 1, 0, {Bit(TransposeB)};\n");
        }

        return text.Append("wgmma.commit_group.sync.aligned;").ToString();
    }

    /// <summary>
    /// Starts the copies of a step's weights. $0: target; $1: map (c, tap, k); $2: barrier; $3: first column of the tile; $4: first inner
    /// index; $5: tap; $6: rank in the cluster, each block of which brings an equal part to all: of the columns, or, where those come in an odd
    /// number of chunks, of the inner indices.
    /// </summary>
    private string LoadB()
    {
        string form = $"cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes{(Cluster > 1 ? ".multicast::cluster" : "")}";
        string mask = Cluster > 1 ? $", {(1 << Cluster) - 1}" : "";
        if (!TransposeB)
            return $"{{\n.reg .b32 to, column;\nmad.lo.s32 to, $6, {PartColumns * 128}, $0;\nmad.lo.s32 column, $6, {PartColumns}, $3;\n{form} [to], [$1, {{$4, $5, column}}], [$2]{mask};\n}}";
        bool byDepth = PartDepth < Depth;
        int chunks = byDepth ? Chunks : Chunks / Cluster;
        var text = new StringBuilder("{\n.reg .b32 first, to, start, column, inner;\n");
        text.Append(CultureInfo.InvariantCulture, $"mad.lo.s32 first, $6, {(byDepth ? PartDepth * 128 : chunks * WgmmaBlock.ChunkBytes)}, $0;\n");
        text.Append(CultureInfo.InvariantCulture, $"mad.lo.s32 start, $6, {(byDepth ? 0 : chunks * 64)}, $3;\nmad.lo.s32 inner, $6, {(byDepth ? PartDepth : 0)}, $4;\n");
        for (int chunk = 0; chunk < chunks; chunk++)
            text.Append(CultureInfo.InvariantCulture, $"add.s32 to, first, {chunk * WgmmaBlock.ChunkBytes};\nadd.s32 column, start, {chunk * 64};\n{form} [to], [$1, {{column, $5, inner}}], [$2]{mask};\n");
        return text.Append('}').ToString();
    }

    /// <summary>Columns of B that one block of a cluster brings, where its inner index is contiguous.</summary>
    public int PartColumns => Columns / Cluster;

    /// <summary>Inner indices of a chunk of B that one block of a cluster brings, where columns are contiguous: all, if chunks can be shared out instead.</summary>
    public int PartDepth => Chunks % Cluster == 0 ? Depth : Depth / Cluster;

    /// <summary>Bytes that arrive for B in a step.</summary>
    public int BytesOfB => TransposeB ? Chunks * WgmmaBlock.ChunkBytes : Columns * 128;

    private static int Bit(bool value) => value ? 1 : 0;
}
