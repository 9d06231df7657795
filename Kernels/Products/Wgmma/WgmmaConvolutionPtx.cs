using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The inline PTX of <see cref="WgmmaConvolution"/> that depends on its tile: registers, products, and copies of weights.</summary>
internal static class WgmmaConvolutionPtx
{
    /// <summary>Registers of a producer thread.</summary>
    private const int ProducerRegisters = 40;

    /// <summary>Maximum number of chunks of a tile. Names of macros are constants, so each chunk has a macro of its own.</summary>
    private const int MaxChunks = 4;

    /// <summary>All macros by name.</summary>
    public static Dictionary<string, string> Macros(WgmmaTile tile)
    {
        var macros = new Dictionary<string, string>
        {
            ["declare"] = Declare(tile),
            // $0: bytes from the bias to the projection shortcut's bias.
            ["keepBias"] = tile.Shortcut ? "mov.b64 apart, $0;" : "",
            ["releaseRegisters"] = WgmmaBlock.ReleaseRegisters(ProducerRegisters),
            ["takeRegisters"] = WgmmaBlock.TakeRegisters(ProducerRegisters),
            ["clear"] = Clear(tile),
            ["multiply"] = Multiply(tile),
            // Chunks alternate between two buffers; after an odd number of chunks a tile begins with the buffer that the previous one used last.
            ["beginTile"] = tile.Chunks % 2 != 0 && !tile.Fp32Output ? "cp.async.bulk.wait_group.read 0;" : "",
            ["loadB"] = LoadB(tile),
        };
        for (int chunk = 0; chunk < MaxChunks; chunk++)
        {
            macros[$"bf16Chunk{chunk}"] = chunk < tile.Chunks && !tile.Fp32Output ? WgmmaEpiloguePtx.Bf16Chunk(tile, chunk) : "";
            macros[$"fp32Chunk{chunk}"] = chunk < tile.Chunks && tile.Fp32Output ? WgmmaEpiloguePtx.Fp32Chunk(tile, chunk) : "";
        }

        return macros;
    }

    private static string Declare(WgmmaTile tile)
    {
        var text = new PtxText();
        text.Add($"""
            .reg .f32 acc<{tile.Columns / 2}>;
            .reg .pred always;
            .reg .b64 da, db;
            .reg .b32 sbase;
            mov.u32 sbase, {PtxSource.SharedMemory};
            setp.eq.s32 always, 0, 0;
            """);
        if (tile.Shortcut)
            text.Add(".reg .b64 apart;");
        return text.ToString();
    }

    private static string Clear(WgmmaTile tile)
    {
        var text = new PtxText();
        for (int i = 0; i < tile.Columns / 2; i++)
            text.Add($"mov.f32 acc{i}, 0f00000000;");
        return text.ToString();
    }

    /// <summary>
    /// Adds the products of a k-iteration's 64 k indices, or of those that exist in a tap's last chunk, to the sums. $0, $1: descriptors of A and B; $2: 1 in a
    /// tap's last chunk, otherwise 0. Branching per wgmma would split the commit group, and ptxas would serialise (C7514); hence two whole variants.
    /// </summary>
    private static string Multiply(WgmmaTile tile)
    {
        var text = new PtxText();
        if (tile.LastDepth == WgmmaTile.Depth / 16)
        {
            AddProducts(text, tile, tile.LastDepth);
            return text.ToString();
        }

        text.Add("""
            {
            .reg .pred short;
            setp.ne.s32 short, $2, 0;
            @short bra SHORT;
            """);
        AddProducts(text, tile, WgmmaTile.Depth / 16);
        text.Add("""
            bra DONE;
            SHORT:
            """);
        AddProducts(text, tile, tile.LastDepth);
        return text.Add("""
            DONE:
            }
            """).ToString();
    }

    private static void AddProducts(PtxText text, WgmmaTile tile, int count)
    {
        int stepB = WgmmaOperand.DepthStep(tile.TransposeB ? WgmmaOperand.AcrossRows : WgmmaOperand.AlongRows);
        string sums = string.Join(", ", Enumerable.Range(0, tile.Columns / 2).Select(i => $"acc{i}"));
        text.Add("wgmma.fence.sync.aligned;");
        for (int i = 0; i < count; i++)
        {
            text.Add($$"""
                add.s64 da, $0, {{i * WgmmaOperand.DepthStep(WgmmaOperand.AlongRows)}};
                add.s64 db, $1, {{i * stepB}};
                wgmma.mma_async.sync.aligned.m64n{{tile.Columns}}k16.f32.bf16.bf16 {{{sums}}}, da, db, always, 1, 1, 0, {{(tile.TransposeB ? 1 : 0)}};
                """);
        }

        text.Add("wgmma.commit_group.sync.aligned;");
    }

    /// <summary>
    /// Starts the copies of a k-iteration's weights. $0: target; $1: map (c, tap, k); $2: barrier; $3: first column of the tile; $4: first k index; $5: tap; $6:
    /// rank in the cluster. Each block of the cluster copies an equal part to all: of the columns or, if these are an odd number of chunks, of the k indices.
    /// </summary>
    private static string LoadB(WgmmaTile tile)
    {
        string copy = $"cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes{(tile.Cluster > 1 ? ".multicast::cluster" : "")}";
        string mask = tile.Cluster > 1 ? $", {(1 << tile.Cluster) - 1}" : "";
        var text = new PtxText();
        if (!tile.TransposeB)
        {
            return text.Add($$"""
                {
                .reg .b32 to, column;
                mad.lo.s32 to, $6, {{tile.PartColumns * 128}}, $0;
                mad.lo.s32 column, $6, {{tile.PartColumns}}, $3;
                {{copy}} [to], [$1, {$4, $5, column}], [$2]{{mask}};
                }
                """).ToString();
        }

        bool byDepth = tile.PartDepth < WgmmaTile.Depth;
        int chunks = byDepth ? tile.Chunks : tile.Chunks / tile.Cluster;
        text.Add($$"""
            {
            .reg .b32 first, to, start, column, inner;
            mad.lo.s32 first, $6, {{(byDepth ? tile.PartDepth * 128 : chunks * WgmmaBlock.ChunkBytes)}}, $0;
            mad.lo.s32 start, $6, {{(byDepth ? 0 : chunks * 64)}}, $3;
            mad.lo.s32 inner, $6, {{(byDepth ? tile.PartDepth : 0)}}, $4;
            """);
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            text.Add($$"""
                add.s32 to, first, {{chunk * WgmmaBlock.ChunkBytes}};
                add.s32 column, start, {{chunk * 64}};
                {{copy}} [to], [$1, {column, $5, inner}], [$2]{{mask}};
                """);
        }

        return text.Add("}").ToString();
    }
}
