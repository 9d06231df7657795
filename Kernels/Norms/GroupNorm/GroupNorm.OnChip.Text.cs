using System.Globalization;
using System.Reflection;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

public static partial class GroupNorm
{
    /// <summary>
    /// The inline PTX of the fast kernels: what each does to a run of 8 channels, unrolled, in registers with names of their own.
    /// Every rounding is written out, so that a primal has the same bits with and without a tangent.
    /// </summary>
    /// <remarks>
    /// With q = h / 2 and u = 1 + tanh(q), twice the logistic function of h: silu(h) = q u and 2 silu'(h) = u - q u u + 2 q u.
    /// Coefficients of q are halved beforehand, those of the tangent too, for the sake of the 2 in the slope.
    /// tanh.approx errs by 2^-11, a quarter of what rounding to bf16 does.
    /// </remarks>
    internal static partial class OnChipText
    {
        private const int Channels = OnChipTiling.VectorChannels, Words = Channels / 2;

        private static readonly IReadOnlyDictionary<string, string> Shared = new Dictionary<string, string>
        {
            ["declare"] = $"""
                .reg .b32 base, place, xw<{Words}>, tw<{Words}>, yw<{Words}>, uw<{Words}>, vw<{Words}>, dw<{Words}>, ew<{Words}>;
                .reg .b32 pivot<{Channels}>, ca<{Channels}>, cb<{Channels}>, ce<{Channels}>, cf<{Channels}>, sum<{2 * Channels}>;
                .reg .pred there;
                .reg .b32 peeked, d, q, u, v, w, t, weight, sumOfRanks, part, even, evenTangent;
                mov.u32 base, {PtxSource.SharedMemory};
                """,
            ["fetch"] = "add.u32 place, base, $0;\ncp.async.ca.shared.global [place], [$1], 4;",
            ["peek"] = "ld.global.u16 peeked, [$0];",
            ["widen"] = "add.u32 place, base, $0;\nshl.b32 peeked, peeked, 16;\nst.shared.b32 [place], peeked;",
            ["commit"] = "cp.async.commit_group;",
            ["fetched"] = "cp.async.commit_group;\ncp.async.wait_group 1;",
            ["arrived"] = "cp.async.wait_all;",
            ["store"] = "st.global.f32 [$0], $1;",
            ["add"] = "ld.global.f32 d, [$0];\nadd.rn.f32 d, d, $1;\nst.global.f32 [$0], d;",
        };

        /// <summary>What the text is for.</summary>
        public static string Architecture(GpuDevice gpu) => gpu.IsHopper ? "sm_90a" : "sm_80";

        /// <summary>The forward kernel.</summary>
        public static PtxKernelSpec Forward(OnChipTiling tiling, string architecture, bool tangent, bool silu, bool dropping)
        {
            Dictionary<string, string> macros = Macros(tiling, tangent, dropping);
            macros["pivots"] = $"add.u32 place, base, $0;\n{Eight("pivot", "place")}{Cleared()}";
            macros["coefficients"] = Tables(("ca", 1), ("cb", 2), ("ce", 3), ("cf", 4));
            var accumulate = new StringBuilder(FromTile(tiling, tangent));
            for (int c = 0; c < Channels; c++)
            {
                string d = Unpack(accumulate, "d", "xw", c);
                accumulate.Append(Inv($"sub.rn.f32 d, {d}, pivot{c & ~1};\n"));
                accumulate.Append(Inv($"add.rn.f32 sum{c / 2}, sum{c / 2}, d;\nfma.rn.f32 sum{Words + c / 2}, d, d, sum{Words + c / 2};\n"));
                if (!tangent)
                    continue;
                string t = Unpack(accumulate, "t", "tw", c);
                accumulate.Append(Inv($"add.rn.f32 sum{2 * Words + c / 2}, sum{2 * Words + c / 2}, {t};\n"));
                accumulate.Append(Inv($"fma.rn.f32 sum{3 * Words + c / 2}, d, {t}, sum{3 * Words + c / 2};\n"));
            }

            macros["accumulate"] = accumulate.ToString();
            macros["write"] = Output(tiling, tangent, silu, dropping);
            string variant = Inv($"{(tangent ? "dual" : "primal")}{(silu ? " silu" : "")}{(dropping ? " dropping" : "")} in {tiling.Vectors}");
            return Spec(nameof(OnChipForwardKernel), variant, tiling, architecture, tangent ? 2 : 1, macros);
        }

        /// <summary>The backward kernel.</summary>
        /// <param name="tiling">The division.</param>
        /// <param name="architecture">What the text is for.</param>
        /// <param name="silu">Whether act is SiLU.</param>
        /// <param name="add">Whether dx is added to what is there.</param>
        /// <param name="deferred">Whether dx takes a factor times a further tensor along, see <see cref="Tape.Defer"/>.</param>
        /// <param name="dropping">Whether dropout follows.</param>
        public static PtxKernelSpec Backward(OnChipTiling tiling, string architecture, bool silu, bool add, bool deferred, bool dropping)
        {
            Dictionary<string, string> macros = Macros(tiling, true, dropping);
            macros["coefficients"] = Tables(("pivot", 0), ("ca", 1), ("cb", 2), ("ce", 3), ("cf", 4)) + Cleared();
            var accumulate = new StringBuilder(FromTile(tiling, true));
            var write = new StringBuilder(FromTile(tiling, true));
            for (int c = 0; c < Channels; c++)
            {
                Cotangent(accumulate, c, silu);
                accumulate.Append(Inv($"add.rn.f32 sum{c}, sum{c}, w;\nfma.rn.f32 sum{Channels + c}, d, w, sum{Channels + c};\n"));
                Keep(accumulate, "yw", "even", "w", c);
                write.Append(Inv($"sub.rn.f32 d, {Unpack(write, "d", "xw", c)}, pivot{c & ~1};\nfma.rn.f32 t, d, ce{c}, cf{c};\n"));
                write.Append(Inv($"fma.rn.f32 t, ca{c}, {Unpack(write, "w", "tw", c)}, t;\n"));
                if (add)
                    write.Append(Inv($"add.rn.f32 t, t, {Unpack(write, "v", "uw", c)};\n"));
                if (deferred)
                    write.Append(Inv($"fma.rn.f32 t, weight, {Unpack(write, "v", "dw", c)}, t;\n"));
                Keep(write, "yw", "even", "t", c);
            }

            accumulate.Append(Inv($"st.shared.v4.b32 [place+{16 * tiling.Threads}], {Four("yw", 0)};\n")); // in dy's place: act' is dear
            write.Append(Inv($"st.global.v4.b32 [$1], {Four("yw", 0)};\n"));
            macros["accumulate"] = accumulate.ToString();
            macros["write"] = write.ToString();
            // What goes into dx besides is on its way two steps ahead. $0: address; $1: whether there is such a step, and something to take.
            (macros["nothing"], macros["next"]) = add ? Ahead("uw", "vw") : ("", "");
            (macros["nothingDeferred"], macros["nextDeferred"]) = deferred ? Ahead("dw", "ew") : ("", "");
            macros["factor"] = deferred ? "mov.b32 weight, $0;" : "";
            string variant = Inv($"{(silu ? "silu " : "")}{(dropping ? "dropping " : "")}{(add ? "adding " : "")}{(deferred ? "taking " : "")}in {tiling.Vectors}");
            return Spec(nameof(OnChipBackwardKernel), variant, tiling, architecture, 2, macros);
        }

        /// <summary>Four words now and the four after them: clears the latter; moves them on and loads more.</summary>
        private static (string Clear, string Next) Ahead(string now, string after)
        {
            string clear = string.Concat(Enumerable.Range(0, Words).Select(i => Inv($"mov.b32 {after}{i}, 0;\n")));
            string move = string.Concat(Enumerable.Range(0, Words).Select(i => Inv($"mov.b32 {now}{i}, {after}{i};\n")));
            return (clear.TrimEnd(), $"setp.ne.s32 there, $1, 0;\n{move}{clear}@there ld.global.v4.b32 {Four(after, 0)}, [$0];");
        }

        private static PtxKernelSpec Spec(
            string method, string variant, OnChipTiling tiling, string architecture, int tiles, Dictionary<string, string> macros) => new(
                typeof(GroupNorm).GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!, variant, architecture,
                tiling.Threads, tiling.SharedBytes(tiles), macros)
            {
                Cluster = tiling.Cluster,
                Resident = tiling.Resident(tiles),
            };

        private static Dictionary<string, string> Macros(OnChipTiling tiling, bool both, bool dropping)
        {
            bool cluster = tiling.Cluster > 1;
            string copy = "cp.async.cg.shared.global.L2::128B";
            var macros = new Dictionary<string, string>(Shared)
            {
                ["load"] = $"add.u32 place, base, $0;\n{copy} [place], [$1], 16;"
                    + (both ? Inv($"\n{copy} [place+{16 * tiling.Threads}], [$2], 16;") : ""),
                ["publish"] = Publish(tiling, 0),
                ["publishTangent"] = both ? Publish(tiling, OnChipTiling.SumsAtOnce) : "",
                ["meet"] = cluster ? "barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" : "",
                ["gatherNone"] = "mov.b32 sumOfRanks, 0;",
                ["gather"] = cluster
                    ? "add.u32 place, base, $0;\nmapa.shared::cluster.u32 place, place, $1;\nld.shared::cluster.f32 part, [place];\nadd.rn.f32 sumOfRanks, sumOfRanks, part;"
                    : "",
                ["gathered"] = "add.u32 place, base, $0;\nst.shared.f32 [place], sumOfRanks;",
                ["read"] = cluster ? "barrier.cluster.arrive.release;" : "",
                ["leave"] = cluster ? "barrier.cluster.wait.acquire;" : "",
            };
            AddDropout(macros, tiling, dropping);
            return macros;
        }

        private static string Output(OnChipTiling tiling, bool tangent, bool silu, bool dropping)
        {
            var write = new StringBuilder(FromTile(tiling, tangent));
            for (int c = 0; c < Channels; c++)
            {
                Argument(write, c);
                if (silu)
                    Logistic(write);
                string value = silu ? "v" : "q";
                if (dropping)
                {
                    Factor(write, c);
                    write.Append(Inv($"mul.rn.f32 part, {value}, factor;\n"));
                    value = "part";
                }

                Keep(write, "yw", "even", value, c);
                if (!tangent)
                    continue;
                if (silu)
                    Slope(write);
                string t = Unpack(write, "t", "tw", c);
                write.Append(Inv($"fma.rn.f32 q, d, ce{c}, cf{c};\nfma.rn.f32 q, {t}, ca{c}, q;\n"));
                if (silu)
                    write.Append("mul.rn.f32 q, q, w;\n");
                if (dropping)
                    write.Append("mul.rn.f32 q, q, factor;\n");
                Keep(write, "uw", "evenTangent", "q", c);
            }

            write.Append(Inv($"st.global.v4.b32 [$1], {Four("yw", 0)};\n"));
            if (tangent)
                write.Append(Inv($"st.global.v4.b32 [$2], {Four("uw", 0)};\n"));
            return write.ToString();
        }

        /// <summary>d = x - pivot; w = dh, with SiLU 2 dh.</summary>
        private static void Cotangent(StringBuilder text, int c, bool silu)
        {
            Argument(text, c);
            if (silu)
            {
                Logistic(text);
                Slope(text);
            }

            string dy = Unpack(text, "t", "tw", c);
            text.Append(silu ? $"mul.rn.f32 w, w, {dy};\n" : $"mov.b32 w, {dy};\n");
        }

        /// <summary>d = x - pivot, q = A d + B.</summary>
        private static void Argument(StringBuilder text, int c) =>
            text.Append(Inv($"sub.rn.f32 d, {Unpack(text, "d", "xw", c)}, pivot{c & ~1};\nfma.rn.f32 q, d, ca{c}, cb{c};\n"));

        /// <summary>u = 1 + tanh(q), v = q u.</summary>
        private static void Logistic(StringBuilder text) =>
            text.Append("tanh.approx.f32 u, q;\nadd.rn.f32 u, u, 0f3F800000;\nmul.rn.f32 v, q, u;\n");

        /// <summary>w = u - v u + 2 v.</summary>
        private static void Slope(StringBuilder text) =>
            text.Append("neg.f32 w, v;\nfma.rn.f32 w, w, u, u;\nfma.rn.f32 w, v, 0f40000000, w;\n");

        /// <summary>Takes element c of four words apart; the register that holds it.</summary>
        private static string Unpack(StringBuilder text, string target, string words, int c)
        {
            text.Append(c % 2 == 0 ? Inv($"shl.b32 {target}, {words}{c / 2}, 16;\n") : Inv($"and.b32 {target}, {words}{c / 2}, 0xFFFF0000;\n"));
            return target;
        }

        /// <summary>Keeps an even element; packs an odd one with it.</summary>
        private static void Keep(StringBuilder text, string words, string even, string value, int c) => text.Append(
            c % 2 == 0 ? $"mov.b32 {even}, {value};\n" : Inv($"cvt.rn.bf16x2.f32 {words}{c / 2}, {value}, {even};\n"));

        private static string FromTile(OnChipTiling tiling, bool both) =>
            $"add.u32 place, base, $0;\nld.shared.v4.b32 {Four("xw", 0)}, [place];\n"
            + (both ? Inv($"ld.shared.v4.b32 {Four("tw", 0)}, [place+{16 * tiling.Threads}];\n") : "");

        private static string Publish(OnChipTiling tiling, int first) => "add.u32 place, base, $0;\n" + string.Concat(
            Enumerable.Range(0, OnChipTiling.SumsAtOnce).Select(k => Inv($"st.shared.f32 [place+{4 * tiling.Threads * k}], sum{first + k};\n")));

        private static string Cleared() => string.Concat(Enumerable.Range(0, 2 * Channels).Select(k => Inv($"mov.b32 sum{k}, 0;\n")));

        /// <summary>Reads a run's entries of tables: $0 is that of table 0, $1 the bytes from one to the next.</summary>
        private static string Tables(params ReadOnlySpan<(string Register, int Table)> tables)
        {
            var text = new StringBuilder("add.u32 part, base, $0;\n");
            foreach ((string register, int table) in tables)
                text.Append(Inv($"mad.lo.u32 place, $1, {table}, part;\n")).Append(Eight(register, "place"));
            return text.ToString();
        }

        private static string Eight(string register, string address) =>
            $"ld.shared.v4.b32 {Four(register, 0)}, [{address}];\nld.shared.v4.b32 {Four(register, 4)}, [{address}+16];\n";

        private static string Four(string register, int first) =>
            Inv($"{{{register}{first}, {register}{first + 1}, {register}{first + 2}, {register}{first + 3}}}");

        private static string Inv(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }
}
