using System.Globalization;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The inline PTX with which a thread brings its two of the chunks of a weight gradient's step: what stays the same from step to step, a
/// chunk's map, channels and tap, lies in named registers.
/// </summary>
internal static class WgmmaGradientCopies
{
    /// <summary>Chunks that a thread brings: three copying threads keep ahead of two warpgroups, one that starts six copies a step hardly does.</summary>
    public const int PerThread = 2;

    private const string Copy = "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes";

    /// <summary>All macros by name.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Macros()
    {
        yield return new("declareCopies", $".reg .b32 c<{PerThread}>, w<{PerThread}>, h<{PerThread}>, n<{PerThread}>;\n.reg .b64 map<{PerThread}>;\n.reg .pred both;");
        for (int i = 0; i < PerThread; i++) // $0: map; $1: first channel; $2, $3, $4: shift of the box
            yield return new(string.Create(CultureInfo.InvariantCulture, $"setCopy{i}"), $"mov.b64 map{i}, $0;\nmov.s32 c{i}, $1;\nmov.s32 w{i}, $2;\nmov.s32 h{i}, $3;\nmov.s32 n{i}, $4;");
        yield return new("setCopies", "setp.gt.s32 both, $0, 1;"); // $0: how many of the two there are
        // $0: target; $1, $2, $3: box; $4: barrier.
        yield return new("copy", string.Create(
            CultureInfo.InvariantCulture,
            $"{{\n.reg .b32 to, x, y, z;\n{Shifted(0)}{Copy} [$0], [map0, {{c0, x, y, z}}], [$4];\nadd.s32 to, $0, {WgmmaBlock.ChunkBytes};\n"
            + $"{Shifted(1)}@both {Copy} [to], [map1, {{c1, x, y, z}}], [$4];\n}}"));
    }

    private static string Shifted(int i) => $"add.s32 x, $1, w{i};\nadd.s32 y, $2, h{i};\nadd.s32 z, $3, n{i};\n";
}
