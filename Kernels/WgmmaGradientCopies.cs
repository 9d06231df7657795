using System.Globalization;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The inline PTX with which a weight gradient's operands are brought: what stays the same from step to step, a tile's rows and
/// each chunk's tap and channels, lies in named registers.
/// </summary>
internal static class WgmmaGradientCopies
{
    private const int MostChunks = 4;

    private const string Copy = "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes";

    /// <summary>All macros by name; those of chunks that a tile lacks are empty.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Macros(int chunks)
    {
        yield return new("declareCopies", string.Create(
            CultureInfo.InvariantCulture, $".reg .b32 rows<2>, c<{MostChunks}>, w<{MostChunks}>, h<{MostChunks}>, n<{MostChunks}>;\n.reg .b64 map<{MostChunks}>;"));
        yield return new("setRows", "mov.s32 rows0, $0;\nadd.s32 rows1, $0, 64;");
        // $0: target; $1: map; $2, $3, $4: box; $5: barrier.
        yield return new("loadRows", string.Create(
            CultureInfo.InvariantCulture,
            $"{{\n.reg .b32 to;\nadd.s32 to, $0, {WgmmaTile.ChunkBytes};\n{Copy} [$0], [$1, {{rows0, $2, $3, $4}}], [$5];\n{Copy} [to], [$1, {{rows1, $2, $3, $4}}], [$5];\n}}"));
        for (int i = 0; i < MostChunks; i++)
        {
            yield return new($"setChunk{i}", i >= chunks ? "" : $"mov.b64 map{i}, $0;\nmov.s32 c{i}, $1;\nmov.s32 w{i}, $2;\nmov.s32 h{i}, $3;\nmov.s32 n{i}, $4;");
            // $0: target; $1, $2, $3: box; $4: barrier.
            yield return new($"loadChunk{i}", i >= chunks ? "" :
                $"{{\n.reg .b32 x, y, z;\nadd.s32 x, $1, w{i};\nadd.s32 y, $2, h{i};\nadd.s32 z, $3, n{i};\n{Copy} [$0], [map{i}, {{c{i}, x, y, z}}], [$4];\n}}");
        }
    }
}
