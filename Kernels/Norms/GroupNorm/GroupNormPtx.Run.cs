using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The arithmetic on each of the 8 channels of a run.</summary>
internal static partial class GroupNormPtx
{
    /// <summary>Sums over pairs of channels of d = x - pivot and d^2 and, with a tangent, of tx and d tx.</summary>
    private static string Sums(OnChipTiling tiling, bool tangent)
    {
        PtxText text = FromTile(tiling, tangent);
        for (int c = 0; c < Channels; c++)
        {
            text.AddUnpacked("d", "xw", c).Add($"""
                sub.rn.f32 d, d, pivot{c & ~1};
                add.rn.f32 sum{c / 2}, sum{c / 2}, d;
                fma.rn.f32 sum{Words + c / 2}, d, d, sum{Words + c / 2};
                """);
            if (tangent)
                text.AddUnpacked("t", "tw", c).Add($"""
                    add.rn.f32 sum{2 * Words + c / 2}, sum{2 * Words + c / 2}, t;
                    fma.rn.f32 sum{3 * Words + c / 2}, d, t, sum{3 * Words + c / 2};
                    """);
        }

        return text.ToString();
    }

    /// <summary>Sums dh and d dh for each channel; stores dh, with SiLU 2 dh, over dy, since computing act' again is expensive.</summary>
    private static string GradientSums(OnChipTiling tiling, bool silu)
    {
        PtxText text = FromTile(tiling, true);
        for (int c = 0; c < Channels; c++)
        {
            AddArgument(text, c);
            if (silu)
            {
                AddLogistic(text);
                AddSlope(text);
            }

            text.AddUnpacked("t", "tw", c).Add(silu ? "mul.rn.f32 w, w, t;" : "mov.b32 w, t;").Add($"""
                add.rn.f32 sum{c}, sum{c}, w;
                fma.rn.f32 sum{Channels + c}, d, w, sum{Channels + c};
                """);
            AddKept(text, "yw", "even", "w", c);
        }

        return text.Add($"st.shared.v4.b32 [place+{16 * tiling.Threads}], {Four("yw", 0)};").ToString();
    }

    /// <summary>Computes y and, with a tangent, ty. $0: offset of the run in the tile; $1 and $2: addresses of y and ty.</summary>
    private static string Output(OnChipTiling tiling, bool tangent, bool silu, bool dropping)
    {
        PtxText text = FromTile(tiling, tangent);
        for (int c = 0; c < Channels; c++)
        {
            AddArgument(text, c);
            if (silu)
                AddLogistic(text);
            string value = silu ? "v" : "q";
            if (dropping)
            {
                AddFactor(text, c);
                text.Add($"mul.rn.f32 part, {value}, factor;");
                value = "part";
            }

            AddKept(text, "yw", "even", value, c);
            if (!tangent)
                continue;
            if (silu)
                AddSlope(text);
            text.AddUnpacked("t", "tw", c).Add($"""
                fma.rn.f32 q, d, ce{c}, cf{c};
                fma.rn.f32 q, t, ca{c}, q;
                """);
            if (silu)
                text.Add("mul.rn.f32 q, q, w;");
            if (dropping)
                text.Add("mul.rn.f32 q, q, factor;");
            AddKept(text, "uw", "evenTangent", "q", c);
        }

        text.Add($"st.global.v4.b32 [$1], {Four("yw", 0)};");
        if (tangent)
            text.Add($"st.global.v4.b32 [$2], {Four("uw", 0)};");
        return text.ToString();
    }

    /// <summary>Computes dx. $0: offset of the run in the tile; $1: address of dx.</summary>
    private static string Gradient(OnChipTiling tiling, bool add, bool deferred)
    {
        PtxText text = FromTile(tiling, true);
        for (int c = 0; c < Channels; c++)
        {
            text.AddUnpacked("d", "xw", c).Add($"""
                sub.rn.f32 d, d, pivot{c & ~1};
                fma.rn.f32 t, d, ce{c}, cf{c};
                """);
            text.AddUnpacked("w", "tw", c).Add($"fma.rn.f32 t, ca{c}, w, t;");
            if (add)
                text.AddUnpacked("v", "uw", c).Add("add.rn.f32 t, t, v;");
            if (deferred)
                text.AddUnpacked("v", "dw", c).Add("fma.rn.f32 t, weight, v, t;");
            AddKept(text, "yw", "even", "t", c);
        }

        return text.Add($"st.global.v4.b32 [$1], {Four("yw", 0)};").ToString();
    }

    /// <summary>
    /// Text for four words in use and the four of the next step: Clear sets the next four to zero; Next makes them current and loads the four that follow.
    /// </summary>
    private static (string Clear, string Next) Ahead(string now, string after)
    {
        PtxText clear = new(), next = new PtxText().Add("setp.ne.s32 there, $1, 0;");
        for (int i = 0; i < Words; i++)
        {
            clear.Add($"mov.b32 {after}{i}, 0;");
            next.Add($"mov.b32 {now}{i}, {after}{i};");
        }

        return (clear.ToString(), next.Add(clear.ToString()).Add($"@there ld.global.v4.b32 {Four(after, 0)}, [$0];").ToString());
    }

    private static PtxText FromTile(OnChipTiling tiling, bool both)
    {
        PtxText text = new PtxText().Add($"""
            add.u32 place, base, $0;
            ld.shared.v4.b32 {Four("xw", 0)}, [place];
            """);
        return both ? text.Add($"ld.shared.v4.b32 {Four("tw", 0)}, [place+{16 * tiling.Threads}];") : text;
    }

    /// <summary>d = x - pivot, q = A d + B.</summary>
    private static void AddArgument(PtxText text, int c) => text.AddUnpacked("d", "xw", c).Add($"""
        sub.rn.f32 d, d, pivot{c & ~1};
        fma.rn.f32 q, d, ca{c}, cb{c};
        """);

    /// <summary>u = 1 + tanh(q), v = q u.</summary>
    private static void AddLogistic(PtxText text) => text.Add("""
        tanh.approx.f32 u, q;
        add.rn.f32 u, u, 0f3F800000;
        mul.rn.f32 v, q, u;
        """);

    /// <summary>w = u - v u + 2 v.</summary>
    private static void AddSlope(PtxText text) => text.Add("""
        neg.f32 w, v;
        fma.rn.f32 w, w, u, u;
        fma.rn.f32 w, v, 0f40000000, w;
        """);

    /// <summary>Unpacks element c of four words.</summary>
    private static PtxText AddUnpacked(this PtxText text, string target, string words, int c) => c % 2 == 0
        ? text.Add($"shl.b32 {target}, {words}{c / 2}, 16;")
        : text.Add($"and.b32 {target}, {words}{c / 2}, 0xFFFF0000;");

    /// <summary>Keeps an even element; packs an odd one together with it.</summary>
    private static void AddKept(PtxText text, string words, string even, string value, int c)
    {
        if (c % 2 == 0)
            text.Add($"mov.b32 {even}, {value};");
        else
            text.Add($"cvt.rn.bf16x2.f32 {words}{c / 2}, {value}, {even};");
    }
}
