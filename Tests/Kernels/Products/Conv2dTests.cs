using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class Conv2dTests
{
    /// <summary>Every remainder of channels modulo four, extents of one, several tiles of pixels and several partial weight gradients.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[]
        {
            Case(1, 1, 1, 1, 1, 1, false), Case(1, 1, 1, 3, 5, 3, true), Case(1, 3, 2, 5, 37, 3, true), Case(2, 3, 1, 37, 3, 3, true),
            Case(1, 4, 3, 20, 8, 3, true), Case(2, 3, 4, 8, 12, 1, true), Case(1, 7, 5, 6, 3, 1, false), Case(2, 9, 8, 4, 4, 3, false),
        });

    public static IEnumerable<TheoryDataRow<string, Shape, Shape>> LargerShapes =>
        from row in TestDevices.Cross(["cpu", "cuda"], [(3, 17, 13, 128, 192, 3), (2, 19, 11, 70, 130, 3), (2, 23, 9, 36, 100, 1), (4, 16, 16, 3, 64, 3)])
        let e = row.Data.Item2
        select new TheoryDataRow<string, Shape, Shape>(row.Data.Item1, new Shape(e.Item1, e.Item2, e.Item3, e.Item4), new Shape(e.Item5, e.Item6, e.Item6, e.Item4)) { Skip = row.Skip };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(LargerShapes))]
    public void Agrees_with_float64_at_samples_of_larger_shapes(string device, Shape x, Shape weight) => new Conv2dSamples(x, weight).Check(device);

    [Theory]
    [InlineData("(2, 5, 4, 3)", "(7, 3, 3, 4)")]
    [InlineData("(2, 5, 4, 3)", "(7, 3, 1, 3)")]
    [InlineData("(2, 5, 4, 3)", "(7, 5, 5, 3)")]
    [InlineData("(2, 5, 3)", "(7, 3, 3, 3)")]
    public void Names_the_op_and_the_shapes_that_do_not_fit(string x, string weight)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor input = device.CreateTensor(Parse(x));
        using Tensor kernel = device.CreateTensor(Parse(weight));
        var e = Assert.Throws<ArgumentException>(() => Conv2d.Apply(program, input, kernel));
        Assert.Contains("conv2d", e.Message, StringComparison.Ordinal);
        Assert.Contains(x, e.Message, StringComparison.Ordinal);
        Assert.Contains(weight, e.Message, StringComparison.Ordinal);
    }

    private static Shape Parse(string text) => new([.. text.Trim('(', ')').Split(", ").Select(int.Parse)]);

    private static OpCase Case(int n, int h, int w, int c, int k, int size, bool bias)
    {
        Shape x = new(n, h, w, c), weight = new(k, size, size, c);
        return new OpCase(
            $"conv2d {x} {weight}{(bias ? " bias" : "")}", bias ? [x, weight, new Shape(k)] : [x, weight],
            (p, v) => Conv2d.Apply(p, v[0], v[1], bias ? v[2] : null), v => Reference(v, n, h, w, c, k, size))
        { TangentInputs = 1 };
    }

    private static double[] Reference(double[][] inputs, int n, int h, int w, int c, int k, int size)
    {
        (double[] x, double[] weight) = (inputs[0], inputs[1]);
        double[] y = new double[n * h * w * k];
        for (int i = 0; i < y.Length; i++)
        {
            (int ko, int wo, int ho, int no) = (i % k, i / k % w, i / k / w % h, i / k / w / h);
            y[i] = inputs.Length > 2 ? inputs[2][ko] : 0;
            for (int r = 0; r < size; r++)
            {
                for (int s = 0; s < size; s++)
                {
                    (int hi, int wi) = (ho + r - size / 2, wo + s - size / 2);
                    for (int ci = 0; ci < c && hi >= 0 && hi < h && wi >= 0 && wi < w; ci++)
                        y[i] += weight[((ko * size + r) * size + s) * c + ci] * x[((no * h + hi) * w + wi) * c + ci];
                }
            }
        }

        return y;
    }
}
