using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ResidualTests
{
    private static readonly float Scale = MathF.Sqrt(0.5f);

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[] { new Shape(1), new Shape(1, 37), new Shape(2, 3, 5, 7) }.SelectMany(shape => new[]
        {
            new OpCase($"residual {shape}", [shape, shape], (p, x) => Residual.Apply(p, x[0], x[1], Scale), Sum),
            new OpCase($"residual {shape}, a dual", [shape, shape], (p, x) => Residual.Apply(p, x[0], x[1], Scale), Sum) { TangentInputs = 1 },
            new OpCase($"residual {shape}, b dual", [shape, shape], (p, x) => Residual.Apply(p, x[1], x[0], Scale), Sum) { TangentInputs = 1 },
            new OpCase($"residual {shape}, b constant", [shape, shape], (p, x) => Residual.Apply(p, x[0], x[1], Scale), Sum) { GradientInputs = 1 },
            new OpCase($"residual {shape}, a = b", [shape], (p, x) => Residual.Apply(p, x[0], x[0], Scale), x => [.. x[0].Select(v => 2 * Scale * v)]),
        }));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_block()
    {
        var shape = new Shape(3, 41, 43, 5);
        OpBattery.Check("cpu", new OpCase($"residual {shape}", [shape, shape], (p, x) => Residual.Apply(p, x[0], x[1], Scale), Sum));
    }

    [Fact]
    public void Refuses_other_shapes_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3)), b = device.CreateTensor(new Shape(3, 2));
        var error = Assert.Throws<ArgumentException>(() => Residual.Apply(program, a, b, 1));
        Assert.Contains("residual: a is (2, 3)", error.Message, StringComparison.Ordinal);
    }

    private static double[] Sum(double[][] x) => [.. x[0].Zip(x[1], (a, b) => (a + b) * Scale)];
}
