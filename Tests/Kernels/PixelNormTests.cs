using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class PixelNormTests
{
    private static readonly Shape[] Shapes = [new(1), new(1, 37), new(2, 3, 5, 11), new(4, 2, 36), new(3, 1024)];

    // An epsilon of the size of the mean square, so that forgetting it anywhere shows; and the one that networks use.
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        Shapes.Select(shape => Case(shape, 0.5f)).Append(Case(new Shape(3, 37), 1e-8f)));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    private static OpCase Case(Shape shape, float epsilon) =>
        new(
            $"pixelnorm {shape}, epsilon {epsilon}", [shape], (p, x) => PixelNorm.Apply(p, x[0], epsilon),
            x => Reference(x[0], shape.C, epsilon));

    private static double[] Reference(double[] x, int channels, double epsilon) =>
        [.. x.Chunk(channels).SelectMany(row => row.Select(v => v / Math.Sqrt(row.Average(u => u * u) + epsilon)))];
}
