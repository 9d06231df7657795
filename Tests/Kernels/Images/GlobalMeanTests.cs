using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class GlobalMeanTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], from shape in (Shape[])[new(3, 2, 5, 7), new(1, 8, 8, 3), new(2, 1, 1, 4)] select Case(shape));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor rows = cpu.CreateTensor(new Shape(4, 2)), x = cpu.CreateTensor(new Shape(1, 2, 2, 2));
        using var program = new ComputeProgram(cpu);
        Assert.Contains("global-mean", Assert.Throws<ArgumentException>(() => GlobalMean.Apply(program, rows)).Message, StringComparison.Ordinal);
        Assert.Contains("carries a tangent", Assert.Throws<ArgumentException>(() => GlobalMean.Apply(program, Copy.Join(program, x, x))).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape) => new($"global-mean {shape}", [shape], (p, x) => GlobalMean.Apply(p, x[0]), x => Reference(x[0], shape))
    {
        GradientInputs = 0,
        TangentInputs = 0,
        HasTangent = false,
    };

    private static double[] Reference(double[] x, Shape shape)
    {
        double[] y = new double[shape.N * shape.C];
        for (int i = 0; i < x.Length; i++)
            y[i / (shape.H * shape.W * shape.C) * shape.C + i % shape.C] += x[i] / (shape.H * shape.W);
        return y;
    }
}
