using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class LayerNormTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], from each in ((Shape, float)[])[(new(3, 5), 1e-6f), (new(2, 1, 3, 37), 1e-5f), (new(2, 130), 0.5f), (new(4, 1), 1e-6f)] select Case(each.Item1, each.Item2));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    /// <summary>A mean far from zero costs no digits, since squares are taken of differences from it.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_large_mean_costs_little(string device) => OpBattery.Check(device, Case(new(3, 64), 1e-6f) with
    {
        Fill = (i, random) => i == 0 ? [.. Enumerable.Range(0, 3 * 64).Select(_ => 512f + random.Next(64) / 64f)] : null,
        Tolerance = 1e-4,
    });

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor x = cpu.CreateTensor(new Shape(2, 4)), four = cpu.CreateTensor(new Shape(4)), five = cpu.CreateTensor(new Shape(5));
        using var program = new ComputeProgram(cpu);
        foreach (Action record in (Action[])
        [
            () => LayerNorm.Apply(program, x, five, five, 1e-6f), () => LayerNorm.Apply(program, x, four, five, 1e-6f), () => LayerNorm.Apply(program, x, four, four, 0),
            () => LayerNorm.Apply(program, x, four, four, float.NaN), () => LayerNorm.Apply(program, Copy.Join(program, x, x), four, four, 1e-6f),
        ])
            Assert.Contains("layer-norm", Assert.Throws<ArgumentException>(record).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape, float epsilon) => new(
        $"layer-norm {shape} eps {epsilon}", [shape, new Shape(shape.C), new Shape(shape.C)], (p, x) => LayerNorm.Apply(p, x[0], x[1], x[2], epsilon),
        x => Reference(x[0], x[1], x[2], epsilon))
    { GradientInputs = 0, TangentInputs = 0, HasTangent = false };

    /// <summary>weight (x - mean) / sqrt(variance + eps) + bias by rows.</summary>
    internal static double[] Reference(double[] x, double[] weight, double[] bias, double epsilon)
    {
        int channels = weight.Length;
        double[] y = new double[x.Length];
        for (int row = 0; row < x.Length; row += channels)
        {
            double mean = x.AsSpan(row, channels).ToArray().Average(), variance = x.AsSpan(row, channels).ToArray().Average(value => (value - mean) * (value - mean));
            for (int i = 0; i < channels; i++)
                y[row + i] = (x[row + i] - mean) / Math.Sqrt(variance + epsilon) * weight[i] + bias[i];
        }

        return y;
    }
}
