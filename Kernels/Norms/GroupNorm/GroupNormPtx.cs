using System.Reflection;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The inline PTX of <see cref="GroupNorm"/>'s kernels on the chip: the arithmetic on each run of 8 channels, unrolled, in named registers. Every
/// rounding is explicit, so that a primal has the same bits with and without a tangent.
/// </summary>
/// <remarks>
/// With q = h / 2 and u = 1 + tanh(q), twice the logistic function of h: silu(h) = q u and 2 silu'(h) = u - q u u + 2 q u. Coefficients of q are halved
/// beforehand, and so are those of the tangent, because of the factor 2 in the slope. tanh.approx has an error of 2^-11, a quarter of that of rounding to bf16.
/// </remarks>
internal static partial class GroupNormPtx
{
    private const int Channels = OnChipTiling.VectorChannels, Words = Channels / 2;

    /// <summary>Target of the text on a GPU.</summary>
    public static string Architecture(GpuDevice gpu) => gpu.IsHopper ? "sm_90a" : "sm_80";

    /// <summary>The forward kernel.</summary>
    public static PtxKernelSpec Forward(OnChipTiling tiling, string architecture, bool tangent, bool silu, bool dropping)
    {
        Dictionary<string, string> macros = Macros(tiling, tangent, dropping);
        macros["pivots"] = new PtxText().Add("add.u32 place, base, $0;").AddEight("pivot", "place").AddCleared().ToString();
        macros["coefficients"] = new PtxText().AddTables(("ca", 1), ("cb", 2), ("ce", 3), ("cf", 4)).ToString();
        macros["accumulate"] = Sums(tiling, tangent);
        macros["write"] = Output(tiling, tangent, silu, dropping);
        string variant = $"{(tangent ? "dual" : "primal")}{(silu ? " silu" : "")}{(dropping ? " dropping" : "")} in {tiling.Vectors}";
        return Spec(nameof(GroupNorm.OnChipForwardKernel), variant, tiling, architecture, tangent ? 2 : 1, macros);
    }

    /// <summary>The backward kernel.</summary>
    /// <param name="tiling">The tiling.</param>
    /// <param name="architecture">Target of the text, such as sm_90a.</param>
    /// <param name="silu">Whether act is SiLU.</param>
    /// <param name="add">Whether dx is added to the former gradient.</param>
    /// <param name="deferred">Whether a factor times a further tensor is added to dx, see <see cref="Tape.Defer"/>.</param>
    /// <param name="dropping">Whether dropout follows.</param>
    public static PtxKernelSpec Backward(OnChipTiling tiling, string architecture, bool silu, bool add, bool deferred, bool dropping)
    {
        Dictionary<string, string> macros = Macros(tiling, true, dropping);
        macros["coefficients"] = new PtxText().AddTables(("pivot", 0), ("ca", 1), ("cb", 2), ("ce", 3), ("cf", 4)).AddCleared().ToString();
        macros["accumulate"] = GradientSums(tiling, silu);
        macros["write"] = Gradient(tiling, add, deferred);
        // Further terms of dx are loaded two steps ahead. $0: address; $1: whether that step and the term exist.
        (macros["nothing"], macros["next"]) = add ? Ahead("uw", "vw") : ("", "");
        (macros["nothingDeferred"], macros["nextDeferred"]) = deferred ? Ahead("dw", "ew") : ("", "");
        macros["factor"] = deferred ? "mov.b32 weight, $0;" : "";
        string variant = $"{(silu ? "silu " : "")}{(dropping ? "dropping " : "")}{(add ? "adding " : "")}{(deferred ? "taking " : "")}in {tiling.Vectors}";
        return Spec(nameof(GroupNorm.OnChipBackwardKernel), variant, tiling, architecture, 2, macros);
    }

    private static PtxKernelSpec Spec(
        string method, string variant, OnChipTiling tiling, string architecture, int tiles, Dictionary<string, string> macros) => new(
            typeof(GroupNorm).GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!, variant, architecture,
            tiling.Threads, tiling.SharedBytes(tiles), macros)
        {
            Cluster = tiling.Cluster,
            MinResidentBlocks = tiling.ResidentBlocks(tiles),
        };

    private static Dictionary<string, string> Macros(OnChipTiling tiling, bool both, bool dropping)
    {
        bool cluster = tiling.Cluster > 1;
        PtxText load = new PtxText().Add("""
            add.u32 place, base, $0;
            cp.async.cg.shared.global.L2::128B [place], [$1], 16;
            """);
        if (both)
            load.Add($"cp.async.cg.shared.global.L2::128B [place+{16 * tiling.Threads}], [$2], 16;");
        var macros = new Dictionary<string, string>
        {
            ["declare"] = $"""
                .reg .b32 base, place, xw<{Words}>, tw<{Words}>, yw<{Words}>, uw<{Words}>, vw<{Words}>, dw<{Words}>, ew<{Words}>;
                .reg .b32 pivot<{Channels}>, ca<{Channels}>, cb<{Channels}>, ce<{Channels}>, cf<{Channels}>, sum<{2 * Channels}>;
                .reg .pred there;
                .reg .b32 peeked, d, q, u, v, w, t, weight, sumOfRanks, part, even, evenTangent;
                mov.u32 base, {PtxSource.SharedMemory};
                """,
            ["fetch"] = """
                add.u32 place, base, $0;
                cp.async.ca.shared.global [place], [$1], 4;
                """,
            ["peek"] = "ld.global.u16 peeked, [$0];",
            ["widen"] = """
                add.u32 place, base, $0;
                shl.b32 peeked, peeked, 16;
                st.shared.b32 [place], peeked;
                """,
            ["load"] = load.ToString(),
            ["commit"] = "cp.async.commit_group;",
            ["fetched"] = """
                cp.async.commit_group;
                cp.async.wait_group 1;
                """,
            ["arrived"] = "cp.async.wait_all;",
            ["publish"] = Publish(tiling, 0),
            ["publishTangent"] = both ? Publish(tiling, OnChipTiling.SumsAtOnce) : "",
            ["meet"] = cluster ? """
                barrier.cluster.arrive.release;
                barrier.cluster.wait.acquire;
                """ : "",
            ["gatherNone"] = "mov.b32 sumOfRanks, 0;",
            ["gather"] = cluster ? """
                add.u32 place, base, $0;
                mapa.shared::cluster.u32 place, place, $1;
                ld.shared::cluster.f32 part, [place];
                add.rn.f32 sumOfRanks, sumOfRanks, part;
                """ : "",
            ["gathered"] = """
                add.u32 place, base, $0;
                st.shared.f32 [place], sumOfRanks;
                """,
            ["read"] = cluster ? "barrier.cluster.arrive.release;" : "",
            ["leave"] = cluster ? "barrier.cluster.wait.acquire;" : "",
            ["store"] = "st.global.f32 [$0], $1;",
            ["add"] = """
                ld.global.f32 d, [$0];
                add.rn.f32 d, d, $1;
                st.global.f32 [$0], d;
                """,
        };
        AddDropout(macros, tiling, dropping);
        return macros;
    }

    private static string Publish(OnChipTiling tiling, int first)
    {
        PtxText text = new PtxText().Add("add.u32 place, base, $0;");
        for (int k = 0; k < OnChipTiling.SumsAtOnce; k++)
            text.Add($"st.shared.f32 [place+{4 * tiling.Threads * k}], sum{first + k};");
        return text.ToString();
    }

    private static PtxText AddCleared(this PtxText text)
    {
        for (int k = 0; k < 2 * Channels; k++)
            text.Add($"mov.b32 sum{k}, 0;");
        return text;
    }

    /// <summary>Loads a run's entries of tables. $0: address in table 0; $1: bytes from one table to the next.</summary>
    private static PtxText AddTables(this PtxText text, params ReadOnlySpan<(string Register, int Table)> tables)
    {
        text.Add("add.u32 part, base, $0;");
        foreach ((string register, int table) in tables)
            text.Add($"mad.lo.u32 place, $1, {table}, part;").AddEight(register, "place");
        return text;
    }

    private static PtxText AddEight(this PtxText text, string register, string address) => text.Add($"""
        ld.shared.v4.b32 {Four(register, 0)}, [{address}];
        ld.shared.v4.b32 {Four(register, 4)}, [{address}+16];
        """);

    private static string Four(string register, int first) => $"{{{register}{first}, {register}{first + 1}, {register}{first + 2}, {register}{first + 3}}}";
}
