using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

public static partial class GroupNorm
{
    private static Mask? MaskOf(RandomSource? random, float rate)
    {
        if (random is null)
            return null;
        if (!(rate >= 0f && rate < 1f))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "groupnorm: a rate of dropout lies in [0, 1)");
        return rate == 0f ? null : new Mask(RandomStream.Of("groupnorm", random), random.Counter, (uint)(rate * (1 << 24)) << 8, 1f / (1f - rate));
    }

    /// <summary>Which elements stay, those whose word is <paramref name="Limit"/> or more, and their factor: the rule of <see cref="Dropout"/>.</summary>
    private sealed record Mask(RandomStream Stream, Tensor Counter, uint Limit, float Scale);

    internal static partial class OnChipText
    {
        private const int Rounds = 10;

        /// <summary>
        /// The words of a run of 8 channels, two counters, by the rounds of <see cref="Philox"/>; and the mask over a cotangent in
        /// the tile, rounded as if dropout had written it. Some 15 instructions an element, less than the pass over memory that they save.
        /// </summary>
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
            var text = new StringBuilder("mov.b32 k0, key0;\nmov.b32 k1, key1;\n");
            for (int block = 0; block < 2; block++)
                text.Append(Inv($"add.u32 word{4 * block}, $0, {block};\nmov.b32 word{4 * block + 1}, sample;\nmov.b32 word{4 * block + 2}, step;\nmov.b32 word{4 * block + 3}, purpose;\n"));
            for (int round = 0; round < Rounds; round++)
            {
                for (int first = 0; first < Channels; first += 4)
                {
                    text.Append(Inv($"mul.wide.u32 product, word{first}, 0xD2511F53;\nmov.b64 {{low0, high0}}, product;\n"));
                    text.Append(Inv($"mul.wide.u32 product, word{first + 2}, 0xCD9E8D57;\nmov.b64 {{low1, high1}}, product;\n"));
                    text.Append(Inv($"lop3.b32 word{first}, high1, word{first + 1}, k0, 0x96;\nmov.b32 word{first + 1}, low1;\n")); // 0x96: exclusive or of three
                    text.Append(Inv($"lop3.b32 word{first + 2}, high0, word{first + 3}, k1, 0x96;\nmov.b32 word{first + 3}, low0;\n"));
                }

                text.Append("add.u32 k0, k0, 0x9E3779B9;\nadd.u32 k1, k1, 0xBB67AE85;\n");
            }

            return text.ToString();
        }

        private static string MaskedTile(OnChipTiling tiling)
        {
            var text = new StringBuilder(Inv($"add.u32 place, base, $0;\nld.shared.v4.b32 {Four("tw", 0)}, [place+{16 * tiling.Threads}];\n"));
            for (int c = 0; c < Channels; c++)
            {
                Factor(text, c);
                text.Append(Inv($"mul.rn.f32 t, factor, {Unpack(text, "t", "tw", c)};\n"));
                Keep(text, "yw", "even", "t", c);
            }

            return text.Append(Inv($"st.shared.v4.b32 [place+{16 * tiling.Threads}], {Four("yw", 0)};\n")).ToString();
        }

        /// <summary>factor = 0 or what elements that stay are taken times.</summary>
        private static void Factor(StringBuilder text, int c) =>
            text.Append(Inv($"setp.lo.u32 dropped, word{c}, limit;\nselp.b32 factor, 0, keep, dropped;\n"));
    }
}
