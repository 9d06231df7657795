using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class LinearTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[]
        {
            Case([1], 1, false), Case([5], 3, true), Case([1, 38], 5, true), Case([2, 3, 8], 4, false), Case([2, 3, 5, 4], 37, true),
            Case([70, 20], 68, true), Case([150, 5], 3, true), // several tiles of rows and columns; several partial sums
        });

    /// <summary>So many rows that the partial gradients need a second level of sums, and several tiles in every direction.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> LargerCases =>
        TestDevices.Cross(["cpu", "cuda"], new[] { Case([8300, 4], 5, true), Case([150, 70], 130, true) });

    [Theory]
    [MemberData(nameof(Cases))]
    [MemberData(nameof(LargerCases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Names_the_op_and_the_shapes_that_do_not_fit()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(2, 3));
        using Tensor weight = device.CreateTensor(new Shape(3, 2));
        Assert.Contains("linear: x (2, 3)", Assert.Throws<ArgumentException>(() => Linear.Apply(program, x, weight)).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(int[] extents, int k, bool bias)
    {
        int c = extents[^1];
        Shape x = new(extents), weight = new(k, c);
        return new OpCase(
            $"linear {x} {weight}{(bias ? " bias" : "")}", bias ? [x, weight, new Shape(k)] : [x, weight],
            (p, v) => Linear.Apply(p, v[0], v[1], bias ? v[2] : null), v => Reference(v, c, k))
        { TangentInputs = 1 };
    }

    private static double[] Reference(double[][] inputs, int c, int k)
    {
        double[] y = new double[inputs[0].Length / c * k];
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = inputs.Length > 2 ? inputs[2][i % k] : 0;
            for (int j = 0; j < c; j++)
                y[i] += inputs[0][i / k * c + j] * inputs[1][i % k * c + j];
        }

        return y;
    }
}
