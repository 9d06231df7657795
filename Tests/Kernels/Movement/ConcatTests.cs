using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ConcatTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[]
        {
            Case([1], 1, 1), Case([2, 3, 5], 7, 4), Case([1, 2, 3], 37, 5), Case([3], 2, 9),
            Case([2, 2, 3], 3, 5) with { Name = "concat, a dual", TangentInputs = 1 },
            Case([2, 2, 3], 3, 5) with
            {
                Name = "concat, b dual",
                TangentInputs = 1,
                Apply = (p, x) => Concat.Apply(p, x[1], x[0]),
                Reference = x => Join(x[1], 5, x[0], 3),
            },
            Case([2, 2, 3], 3, 5) with { Name = "concat, b constant", GradientInputs = 1 },
            new OpCase("concat, a = b", [new Shape(2, 3, 5)], (p, x) => Concat.Apply(p, x[0], x[0]), x => Join(x[0], 5, x[0], 5)),
        });

    /// <summary>Channel counts: both, one or neither a multiple of eight.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Bf16Cases => TestDevices.Cross(
        ["simulator", "cuda"],
        new[]
        {
            Case([2, 3, 5], 8, 16), Case([1, 2, 3], 16, 5), Case([3], 3, 8), Case([2, 3], 7, 4),
            Case([2, 2, 3], 8, 24) with { Name = "concat, a dual", TangentInputs = 1 },
            Case([2, 2, 3], 16, 8) with
            {
                Name = "concat, b dual",
                TangentInputs = 1,
                Apply = (p, x) => Concat.Apply(p, x[1], x[0]),
                Reference = x => Join(x[1], 8, x[0], 16),
            },
            new OpCase("concat, a = b", [new Shape(2, 3, 8)], (p, x) => Concat.Apply(p, x[0], x[0]), x => Join(x[0], 8, x[0], 8)),
        }.Select(op => op.InBFloat16()));

    [Theory]
    [MemberData(nameof(Bf16Cases))]
    public void Agrees_with_float64_in_bf16(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_block() => OpBattery.Check("cpu", Case([3, 19, 17], 13, 24));

    [Fact]
    public void Refuses_other_extents_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3, 4)), b = device.CreateTensor(new Shape(2, 2, 4)), c = device.CreateTensor(new Shape(6, 4));
        Assert.Contains("concat: a is (2, 3, 4)", Assert.Throws<ArgumentException>(() => Concat.Apply(program, a, b)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Concat.Apply(program, a, c));
    }

    private static OpCase Case(int[] leading, int a, int b) => new(
        $"concat ({string.Join(", ", leading)}) {a} + {b}", [new Shape([.. leading, a]), new Shape([.. leading, b])],
        (p, x) => Concat.Apply(p, x[0], x[1]), x => Join(x[0], a, x[1], b));

    private static double[] Join(double[] a, int aChannels, double[] b, int bChannels) =>
        [.. Enumerable.Range(0, a.Length / aChannels).SelectMany(p => a.Skip(p * aChannels).Take(aChannels).Concat(b.Skip(p * bChannels).Take(bChannels)))];
}
