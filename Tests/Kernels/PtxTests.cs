using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Kernels.Device;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// Checks of the kernels' PTX text without a GPU. The simulator runs whatever .NET can; a GPU's
/// loader refuses calls that ILGPU leaves open, and some of ILGPU's mathematics is too coarse for this library.
/// </summary>
public partial class PtxTests
{
    private const BindingFlags Static = BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;

    public static TheoryData<string> All => [.. Kernels().Select(Name)];

    public static TheoryData<string> Products => [.. Kernels().Where(kernel => kernel.DeclaringType == typeof(ImplicitGemm)).Select(Name)];

    public static TheoryData<string> Packed => [.. Kernels().Where(kernel => kernel.GetGenericArguments().Contains(typeof(Bf16x8))).Select(Name)];

    [Theory]
    [MemberData(nameof(All))]
    public void Compiles_without_open_calls_or_coarse_mathematics(string name)
    {
        string ptx = Compile(name);
        Assert.Contains(".visible .entry", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain("call", ptx, StringComparison.Ordinal); // such as MathF.FusedMultiplyAdd, which no library resolves
        Assert.DoesNotContain("sin.approx", ptx, StringComparison.Ordinal); // MathF.Sin: use DeviceMath
        Assert.DoesNotContain("cos.approx", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain("lg2.approx", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain("cvt.rn.f64.u32", ptx, StringComparison.Ordinal); // uint to float, which goes by float64: convert to int first
        Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal); // arrays in memory that were meant for registers
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Matrix_products_keep_their_sums_in_registers(string name)
    {
        string[] body = PtxCompiler.Blocks(Compile(name)).MaxBy(block => Count(block, "mul.f32"))!;
        int products = Count(body, "mul.f32");
        Assert.True(products >= 128, $"{name}: {products} multiplications in the innermost loop");
        Assert.Equal(products, Count(body, "add.f32"));
        Assert.Equal(products / 16, Count(body, "ld.shared.v4.f32"));
        int other = body.Length - 2 * products - Count(body, "mov.");
        Assert.True(other <= products / 3, $"{name}: {other} further instructions for {products} multiply-adds");
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Matrix_products_start_a_step_s_loads_together(string name)
    {
        string[] step = PtxCompiler.Blocks(Compile(name)).Single(block => block.Any(line => line.StartsWith("bar.sync", StringComparison.Ordinal)));
        bool aligned = name.Contains("Aligned", StringComparison.Ordinal);
        Assert.Equal(aligned ? 8 : 32, Count(step, aligned ? "ld.global.v4.f32" : "ld.global.f32"));
        // The compiler moves operations that it takes for cheap into loops, even divisions.
        Assert.DoesNotContain(step, line => DivisionByVariable().IsMatch(line));
    }

    /// <summary>Eight bf16 elements travel in one instruction, and no element alone.</summary>
    [Theory]
    [MemberData(nameof(Packed))]
    public void Packs_of_eight_are_one_access(string name)
    {
        string ptx = Compile(name);
        Assert.Matches(@"(ld|st)\.global\.v4", ptx);
        Assert.DoesNotMatch(@"(ld|st)\.global\.[ub]16", ptx);
    }

    /// <summary>Two numbers are rounded to bf16 by one instruction, whose first operand goes into the upper half: the second number.</summary>
    [Fact]
    public void Two_numbers_are_rounded_by_one_instruction()
    {
        string ptx = PtxCompiler.Compile(typeof(PtxTests).GetMethod(nameof(Pack), Static)!);
        string[] loaded = [.. LoadedSingle().Matches(ptx).Select(match => match.Groups[1].Value)];
        Assert.Equal(2, loaded.Length);
        Match instruction = Assert.Single(RoundedPair().Matches(ptx));
        Assert.Equal([loaded[1], loaded[0]], [instruction.Groups[1].Value, instruction.Groups[2].Value]);
        Assert.DoesNotContain("min.u32", ptx, StringComparison.Ordinal); // of the rounding by integers
    }

    [Fact]
    public void Refuses_what_only_the_simulator_runs()
    {
        MethodInfo kernel = typeof(PtxTests).GetMethod(nameof(WithStackMemory), Static)!;
        Assert.ThrowsAny<Exception>(() => PtxCompiler.Compile(kernel));
        Assert.NotEmpty(PtxCompiler.Compile(Kernels().First())); // and a valid kernel compiles afterwards
    }

    private static void WithStackMemory(Index1D i, ArrayView<float> x)
    {
        Span<float> values = stackalloc float[4];
        values[i & 3] = x[i];
        x[i] = values[0];
    }

    private static void Pack(Index1D i, ArrayView<float> first, ArrayView<float> second, ArrayView<uint> packed) => packed[i] = BFloat16.Pack(first[i], second[i]);

    private static string Compile(string name) => PtxCompiler.Compile(Kernels().Single(kernel => Name(kernel) == name));

    private static int Count(string[] block, string instruction) => block.Count(line => line.StartsWith(instruction, StringComparison.Ordinal));

    private static string Name(MethodInfo kernel) => KernelCatalogue.NameOf(kernel);

    private static IEnumerable<MethodInfo> Kernels() => KernelCatalogue.Plain();

    [GeneratedRegex(@"^(div|rem)\.s32\s.*, %r\d+;")]
    private static partial Regex DivisionByVariable();

    [GeneratedRegex(@"ld\.global\.f32\s+(%f\d+)")]
    private static partial Regex LoadedSingle();

    [GeneratedRegex(@"cvt\.rn\.bf16x2\.f32\s+%\w+, (%f\d+), (%f\d+);")]
    private static partial Regex RoundedPair();
}
