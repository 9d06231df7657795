using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class GroupNormTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        [
            Case(new Shape(1, 1, 1, 4), 1, silu: true, modulated: true),
            Case(new Shape(1, 5, 3, 4), 2, silu: false, modulated: false),
            Case(new Shape(2, 1, 1, 12), 3, silu: true, modulated: false),
            Case(new Shape(3, 3, 5, 12), 3, silu: false, modulated: true),
            Case(new Shape(1, 7, 2, 36), 9, silu: true, modulated: true),
            Case(new Shape(2, 3, 4, 36), 4, silu: true, modulated: false),
            Case(new Shape(2, 3, 2, 37), 1, silu: true, modulated: true),
        ]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    private static OpCase Case(Shape shape, int groups, bool silu, bool modulated)
    {
        var channels = new Shape(shape.C);
        Shape[] inputs = modulated ? [shape, new Shape(shape.N, 2 * shape.C), channels, channels] : [shape, channels, channels];
        return new OpCase(
            $"groupnorm {shape} in {groups} groups{(silu ? ", silu" : "")}{(modulated ? ", modulated" : "")}", inputs,
            (p, x) => GroupNorm.Apply(p, x[0], x[^2], x[^1], groups, silu, modulated ? x[1] : null),
            x => Reference(shape, groups, silu, x[0], modulated ? x[1] : null, x[^2], x[^1]))
        {
            TangentInputs = modulated ? 2 : 1,
        };
    }

    private static double[] Reference(
        Shape shape, int groups, bool silu, double[] x, double[]? modulation, double[] weight, double[] bias)
    {
        double[] y = new double[x.Length];
        int channels = shape.C, pixels = shape.H * shape.W, size = channels / groups;
        for (int n = 0; n < shape.N; n++)
        {
            for (int g = 0; g < groups; g++)
            {
                int[] elements = [.. from p in Enumerable.Range(0, pixels)
                                     from c in Enumerable.Range(g * size, size)
                                     select (n * pixels + p) * channels + c];
                double mean = elements.Average(i => x[i]);
                double deviation = Math.Sqrt(elements.Average(i => (x[i] - mean) * (x[i] - mean)) + 1e-6);
                foreach (int i in elements)
                {
                    int c = i % channels;
                    double h = (x[i] - mean) / deviation * weight[c] + bias[c];
                    if (modulation is not null)
                        h = h * modulation[2 * n * channels + c] + modulation[(2 * n + 1) * channels + c];
                    y[i] = silu ? h / (1 + Math.Exp(-h)) : h;
                }
            }
        }

        return y;
    }
}
