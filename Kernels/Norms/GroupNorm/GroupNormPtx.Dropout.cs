using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// A dropout that follows: the random words of a run of 8 channels, two counters, by the rounds of <see cref="Philox"/>; and the mask over a cotangent in the
/// tile, rounded as if dropout had written it. It takes about 15 instructions for each element, less time than the pass over memory that it saves.
/// </summary>
internal static partial class GroupNormPtx
{
    private const int Rounds = 10;

    private static void AddDropout(Dictionary<string, string> macros, OnChipTiling tiling, bool dropping)
    {
        macros["stream"] = dropping
            ? $"""
            .reg .b32 step, sample, purpose, key<2>, limit, keep, factor, word<{Channels}>, k<2>, high<2>, low<2>;
            .reg .b64 product;
            .reg .pred dropped;
            ld.global.u32 step, [$0];
            ld.global.u32 sample, [$0+4];
            add.u32 sample, sample, $1;
            mov.b32 purpose, $2;
            mov.b32 key0, $3;
            mov.b32 key1, $4;
            mov.b32 limit, $5;
            mov.b32 keep, $6;
            """
            : "";
        macros["words"] = dropping ? Words8() : "";
        macros["mask"] = dropping ? MaskedTile(tiling) : "";
    }

    private static string Words8()
    {
        PtxText text = new PtxText().Add("""
            mov.b32 k0, key0;
            mov.b32 k1, key1;
            """);
        for (int block = 0; block < 2; block++)
            text.Add($"""
                add.u32 word{4 * block}, $0, {block};
                mov.b32 word{4 * block + 1}, sample;
                mov.b32 word{4 * block + 2}, step;
                mov.b32 word{4 * block + 3}, purpose;
                """);
        for (int round = 0; round < Rounds; round++)
        {
            for (int first = 0; first < Channels; first += 4)
                text.Add($$"""
                    mul.wide.u32 product, word{{first}}, 0xD2511F53;
                    mov.b64 {low0, high0}, product;
                    mul.wide.u32 product, word{{first + 2}}, 0xCD9E8D57;
                    mov.b64 {low1, high1}, product;
                    lop3.b32 word{{first}}, high1, word{{first + 1}}, k0, 0x96;
                    mov.b32 word{{first + 1}}, low1;
                    lop3.b32 word{{first + 2}}, high0, word{{first + 3}}, k1, 0x96;
                    mov.b32 word{{first + 3}}, low0;
                    """); // 0x96: exclusive or of three
            text.Add("""
                add.u32 k0, k0, 0x9E3779B9;
                add.u32 k1, k1, 0xBB67AE85;
                """);
        }

        return text.ToString();
    }

    private static string MaskedTile(OnChipTiling tiling)
    {
        PtxText text = new PtxText().Add($"""
            add.u32 place, base, $0;
            ld.shared.v4.b32 {Four("tw", 0)}, [place+{16 * tiling.Threads}];
            """);
        for (int c = 0; c < Channels; c++)
        {
            AddFactor(text, c);
            text.AddUnpacked("t", "tw", c).Add("mul.rn.f32 t, factor, t;");
            AddKept(text, "yw", "even", "t", c);
        }

        return text.Add($"st.shared.v4.b32 [place+{16 * tiling.Threads}], {Four("yw", 0)};").ToString();
    }

    /// <summary>factor = 0, or the factor of elements that are kept.</summary>
    private static void AddFactor(PtxText text, int c) => text.Add($"""
        setp.lo.u32 dropped, word{c}, limit;
        selp.b32 factor, 0, keep, dropped;
        """);
}
