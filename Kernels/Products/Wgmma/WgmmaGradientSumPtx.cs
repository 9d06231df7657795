using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The inline PTX of <see cref="WgmmaGradientSum"/>: a thread's sums, of four columns or of one, lie in named registers.</summary>
internal static class WgmmaGradientSumPtx
{
    /// <summary>All macros by name.</summary>
    public static Dictionary<string, string> Macros() => new()
    {
        ["declare"] = $"""
            .reg .f32 sum<4>;
            .reg .b32 sbase;
            mov.u32 sbase, {PtxSource.SharedMemory};
            mov.f32 sum0, 0f00000000;
            mov.f32 sum1, 0f00000000;
            mov.f32 sum2, 0f00000000;
            mov.f32 sum3, 0f00000000;
            """,
        ["addQuads"] = Add(4),
        ["addOnes"] = Add(1),
        ["storeQuad"] = Store(4),
        ["storeOne"] = Store(1),
        ["addQuadsOfWarps"] = AddWarps(4),
        ["addOnesOfWarps"] = AddWarps(1),
    };

    /// <summary>Adds partial sums. $0: address of the first of up to eight; $1: bytes from one to the next; $2: how many there are.</summary>
    private static string Add(int numbers)
    {
        var text = new PtxText();
        text.Add($$"""
            {
            .reg .f32 p<{{WgmmaGradientSum.Flight * numbers}}>;
            .reg .b64 at;
            .reg .pred some;
            mov.b64 at, $0;
            """);
        for (int i = 0; i < WgmmaGradientSum.Flight; i++)
        {
            Clear(text, i * numbers, numbers);
            text.Add($"""
                setp.gt.s32 some, $2, {i};
                @some ld.global.{Vector(numbers)} {Registers(i * numbers, numbers)}, [at];
                add.s64 at, at, $1;
                """);
        }

        for (int i = 0; i < WgmmaGradientSum.Flight * numbers; i++)
            text.Add($"add.f32 sum{i % numbers}, sum{i % numbers}, p{i};");
        return text.Add("}").ToString();
    }

    /// <summary>Adds the sums of the eight warps. $0: address of those of the first warp, which also holds them in registers.</summary>
    private static string AddWarps(int numbers)
    {
        var text = new PtxText().Add("""
            {
            .reg .f32 p<4>;
            """);
        for (int warp = 1; warp < WgmmaGradientSum.Warps; warp++)
        {
            text.Add($"ld.shared.{Vector(numbers)} {Registers(0, numbers)}, [$0 + {warp * 32 * numbers * sizeof(float)}];");
            for (int i = 0; i < numbers; i++)
                text.Add($"add.f32 sum{i}, sum{i}, p{i};");
        }

        return text.Add("}").ToString();
    }

    /// <summary>Stores the sums. $0: address; $1: factor; $2: 1 to add to the former value.</summary>
    private static string Store(int numbers)
    {
        var text = new PtxText().Add("""
            {
            .reg .f32 p<4>;
            .reg .pred adds;
            setp.ne.s32 adds, $2, 0;
            """);
        Clear(text, 0, numbers);
        text.Add($"@adds ld.global.{Vector(numbers)} {Registers(0, numbers)}, [$0];");
        for (int i = 0; i < numbers; i++)
            text.Add($"fma.rn.f32 p{i}, sum{i}, $1, p{i};");
        return text.Add($"st.global.{Vector(numbers)} [$0], {Registers(0, numbers)};").Add("}").ToString();
    }

    private static void Clear(PtxText text, int first, int numbers)
    {
        for (int i = first; i < first + numbers; i++)
            text.Add($"mov.f32 p{i}, 0f00000000;");
    }

    private static string Vector(int numbers) => numbers == 4 ? "v4.f32" : "f32";

    private static string Registers(int first, int numbers) =>
        numbers == 1 ? $"p{first}" : $"{{{string.Join(", ", Enumerable.Range(first, numbers).Select(i => $"p{i}"))}}}";
}
