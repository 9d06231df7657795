using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ScaledAddTests
{
    private static readonly float Scale = MathF.Sqrt(0.5f);

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], AllOf(new Shape(1), new Shape(1, 37), new Shape(2, 3, 5, 7)));

    /// <summary>Counts that are multiples of eight, so that packs are used, and ones that are not.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Bf16Cases => TestDevices.Cross(
        ["simulator", "cuda"], AllOf(new Shape(1), new Shape(1, 37), new Shape(3, 1, 5, 8)).Select(op => op.InBFloat16()));

    [Theory]
    [MemberData(nameof(Bf16Cases))]
    public void Agrees_with_float64_in_bf16(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_block()
    {
        var shape = new Shape(3, 41, 43, 5);
        OpBattery.Check("cpu", new OpCase($"scaled-add {shape}", [shape, shape], (p, x) => ScaledAdd.Apply(p, x[0], x[1], Scale), Sum));
    }

    [Fact]
    public void Refuses_other_shapes_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3)), b = device.CreateTensor(new Shape(3, 2));
        var error = Assert.Throws<ArgumentException>(() => ScaledAdd.Apply(program, a, b, 1));
        Assert.Contains("scaled-add: a is (2, 3)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_mixed_storage_by_name()
    {
        ComputeDevice device = TestDevices.Get("simulator");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3)), b = device.CreateTensor(new Shape(2, 3), DType.BFloat16);
        Assert.Contains("scaled-add: (2, 3) BFloat16", Assert.Throws<ArgumentException>(() => ScaledAdd.Apply(program, a, b, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("scaled-add: (2, 3) Float32", Assert.Throws<ArgumentException>(() => ScaledAdd.Apply(program, b, a, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_bf16_on_the_host()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3), DType.BFloat16);
        Assert.Contains("BFloat16 needs a GPU", Assert.Throws<ArgumentException>(() => ScaledAdd.Apply(program, a, a, 1)).Message, StringComparison.Ordinal);
    }

    private static OpCase[] AllOf(params Shape[] shapes) =>
    [
        .. shapes.SelectMany(shape => new[]
        {
            new OpCase($"scaled-add {shape}", [shape, shape], (p, x) => ScaledAdd.Apply(p, x[0], x[1], Scale), Sum),
            new OpCase($"scaled-add {shape}, a dual", [shape, shape], (p, x) => ScaledAdd.Apply(p, x[0], x[1], Scale), Sum) { TangentInputs = 1 },
            new OpCase($"scaled-add {shape}, b dual", [shape, shape], (p, x) => ScaledAdd.Apply(p, x[1], x[0], Scale), Sum) { TangentInputs = 1 },
            new OpCase($"scaled-add {shape}, b constant", [shape, shape], (p, x) => ScaledAdd.Apply(p, x[0], x[1], Scale), Sum) { GradientInputs = 1 },
            new OpCase($"scaled-add {shape}, a = b", [shape], (p, x) => ScaledAdd.Apply(p, x[0], x[0], Scale), x => [.. x[0].Select(v => 2 * Scale * v)]),
        }),
    ];

    private static double[] Sum(double[][] x) => [.. x[0].Zip(x[1], (a, b) => (a + b) * Scale)];
}
