using System.Reflection;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Extension;
using TrigFlowNative.Kernels.Device;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>
/// The tensor-core kernel that the project Extension adds with public members alone: what its text computes on the PTX machine and what its op
/// computes on every device, against float64.
/// </summary>
public class ExtensionKernelTests
{
    private const int Columns = 8;

    /// <summary>Extents that the kernel takes: one warp; a block without its last warp; a second block of one warp and of all four, K from 16 to a long one.</summary>
    public static TheoryData<int, int> Taken => new() { { 16, 16 }, { 48, 80 }, { 80, 48 }, { 128, 32 }, { 16, 272 } };

    public static IEnumerable<TheoryDataRow<string, (int M, int K)>> Every => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], new[] { (16, 16), (48, 80), (80, 48), (5, 7), (1, 1), (17, 32), (16, 40), (16, 1040) });

    [Theory]
    [MemberData(nameof(Taken))]
    public void Its_text_multiplies_on_the_PTX_machine(int m, int k) => AssertRight(m, k, WarpProduct.Specification(k));

    /// <summary>The machine finds each mistake that is planted in the text, so that it would find such a mistake in the kernel.</summary>
    [Theory]
    [InlineData("{a0, a1, a2, a3}", "{a0, a2, a1, a3}")]
    [InlineData("{b0, b1}", "{b1, b0}")]
    [InlineData("{y2, y3}", "{y3, y2}")]
    [InlineData("[$2+256]", "[$2+128]")]
    [InlineData("[$0+16]", "[$0+8]")]
    [InlineData("[$1+144]", "[$1+128]")]
    [InlineData("mov.f32 y3, 0f00000000;", "mov.f32 y3, 0f3F800000;")]
    [InlineData("st.global.v2.f32 [$2], {y0, y1};", "")]
    public void A_mistake_in_its_text_is_found(string right, string wrong)
    {
        PtxKernelSpec spec = WarpProduct.Specification(80);
        string text = spec.Macros["multiply"];
        Assert.Contains(right, text, StringComparison.Ordinal);
        PtxKernelSpec planted = spec with { Macros = new Dictionary<string, string> { ["multiply"] = text.Replace(right, wrong, StringComparison.Ordinal) } };
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => AssertRight(48, 80, planted));
    }

    [Fact]
    public void Its_text_is_complete_and_its_argument_has_no_gaps()
    {
        (string text, string entry) = WarpProduct.Specification(48).Compile();
        Assert.Equal(3, text.Split("mma.sync").Length - 1);
        Assert.Contains($".visible .entry {entry}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("@@", text, StringComparison.Ordinal);
        Assert.DoesNotContain("$", text, StringComparison.Ordinal);
        int bytes = Marshal.SizeOf<WarpProduct.Arguments>();
        Assert.Equal(bytes, PtxSource.ParameterBytes(text, entry));
        Assert.Equal(0, bytes % sizeof(long));
        FieldInfo[] fields = typeof(WarpProduct.Arguments).GetFields(BindingFlags.Instance | BindingFlags.NonPublic);
        Assert.Equal(bytes, fields.Sum(field => Marshal.SizeOf(field.FieldType)));
    }

    /// <summary>The simulator runs C# that the GPU's compiler refuses, so the kernels without inline PTX are compiled too.</summary>
    [Fact]
    public void The_other_kernels_compile_for_a_GPU()
    {
        Type[] packs = [typeof(One<Single32>), typeof(One<BFloat16>), typeof(Bf16x8)];
        MethodInfo[] kernels =
        [
            .. typeof(WarpProduct).Assembly.GetTypes().SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.NonPublic))
                .Where(method => method.Name.EndsWith("Kernel", StringComparison.Ordinal))
                .SelectMany(method => method.IsGenericMethodDefinition ? packs.Select(pack => method.MakeGenericMethod(pack)) : [method]),
        ];
        Assert.Equal(3 * packs.Length + 1, kernels.Length);
        Assert.All(kernels, kernel =>
        {
            string ptx = PtxCompiler.Compile(kernel);
            Assert.Contains(".visible .entry", ptx, StringComparison.Ordinal);
            Assert.DoesNotContain("call", ptx, StringComparison.Ordinal);
            Assert.Equal(kernel.GetGenericArguments().Contains(typeof(Bf16x8)), ptx.Contains("st.global.v4", StringComparison.Ordinal));
        });
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Its_op_takes_any_extents_on_every_device(string device, (int M, int K) extents)
    {
        (int m, int k) = extents;
        ComputeDevice opened = TestDevices.Get(device);
        BFloat16[] left = Numbers(m * k, seed: 1), right = Numbers(Columns * k, seed: 2);
        using Tensor a = opened.CreateTensor(new Shape(m, k), DType.BFloat16), b = opened.CreateTensor(new Shape(Columns, k), DType.BFloat16);
        a.Upload<BFloat16>(left);
        b.Upload<BFloat16>(right);
        using var program = new ComputeProgram(opened) { Checked = true };
        Tensor y = WarpProduct.Apply(program, a, b);
        program.Run();
        Assert.Equal(Reference(left, right, k), y.ToArray());
    }

    [Fact]
    public void Its_op_refuses_other_shapes_and_types_by_name()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        using Tensor a = cpu.CreateTensor(new Shape(16, 32), DType.BFloat16), b = cpu.CreateTensor(new Shape(8, 16), DType.BFloat16), c = cpu.CreateTensor(new Shape(8, 32));
        Assert.Contains("warp_product: (16, 32) BFloat16", Assert.Throws<ArgumentException>(() => WarpProduct.Apply(program, a, b)).Message, StringComparison.Ordinal);
        Assert.Contains("in bf16", Assert.Throws<ArgumentException>(() => WarpProduct.Apply(program, a, c)).Message, StringComparison.Ordinal);
    }

    private static void AssertRight(int m, int k, PtxKernelSpec spec)
    {
        var memory = new PtxMachineMemory();
        BFloat16[] left = Numbers(m * k, seed: 1), right = Numbers(Columns * k, seed: 2);
        int a = memory.Put(left), b = memory.Put(right), y = memory.Put(Enumerable.Repeat(float.NaN, (m + 64) * Columns).ToArray());
        new PtxMachine(spec, memory.Bytes).Run(WarpProduct.Blocks(m), new WarpProduct.Arguments(a, b, y, m, k));
        float[] written = memory.Singles(y, (m + 64) * Columns);
        Assert.Equal(Reference(left, right, k), written[..(m * Columns)]);
        Assert.All(written[(m * Columns)..], value => Assert.True(float.IsNaN(value), "the kernel writes behind its rows"));
    }

    /// <summary>Whole numbers of which sums of products are exact in fp32, so that any order of a sum gives the same.</summary>
    private static BFloat16[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => BFloat16.FromSingle(random.Next(-99, 100)))];
    }

    private static float[] Reference(BFloat16[] a, BFloat16[] b, int k) =>
    [
        .. Enumerable.Range(0, a.Length / k * Columns).Select(i => (float)Enumerable.Range(0, k).Sum(
            c => (double)BFloat16.ToSingle(a[i / Columns * k + c]) * BFloat16.ToSingle(b[i % Columns * k + c]))),
    ];
}
