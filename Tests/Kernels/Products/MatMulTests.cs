using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class MatMulTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[]
        {
            Case(1, 1, 1, "both"), Case(3, 37, 5, "both"), Case(3, 37, 5, "a"), Case(3, 37, 5, "b"), Case(12, 20, 4, "both"),
            Case(12, 20, 4, "a"), Case(12, 20, 4, "b"), Case(5, 3, 1, "b"), Case(66, 8, 68, "both"),
        });

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Names_the_op_and_the_shapes_that_do_not_fit()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3));
        Assert.Contains("matmul: a (2, 3)", Assert.Throws<ArgumentException>(() => MatMul.Apply(program, a, a)).Message, StringComparison.Ordinal);
    }

    /// <summary>Which factors carry tangents: both, the first, or, the inputs given in the other order, the second.</summary>
    private static OpCase Case(int m, int k, int n, string tangents)
    {
        Shape a = new(m, k), b = new(k, n);
        string name = $"matmul {a} {b} tangents {tangents}";
        return tangents == "b"
            ? new OpCase(name, [b, a], (p, v) => MatMul.Apply(p, v[1], v[0]), v => Reference(v[1], v[0], m, k, n)) { TangentInputs = 1 }
            : new OpCase(name, [a, b], (p, v) => MatMul.Apply(p, v[0], v[1]), v => Reference(v[0], v[1], m, k, n)) { TangentInputs = tangents == "a" ? 1 : 2 };
    }

    private static double[] Reference(double[] a, double[] b, int m, int k, int n)
    {
        double[] y = new double[m * n];
        for (int i = 0; i < y.Length; i++)
            for (int j = 0; j < k; j++)
                y[i] += a[i / n * k + j] * b[j * n + i % n];
        return y;
    }
}
