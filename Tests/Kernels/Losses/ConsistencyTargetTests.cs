using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ConsistencyTargetTests
{
    private const float SigmaData = 0.5f, C = 0.1f;
    private static readonly Shape[] Shapes = [new(1, 1), new(3, 5, 7, 2), new(2, 37), new(4, 3, 3, 1), new(2, 3, 4, 3)];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        from shape in Shapes
        from norm in Enum.GetValues<TangentNorm>()
        from length in new[] { false, true }
        select Case(shape, norm, length));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Normalises_a_tangent_whose_square_leaves_the_range_of_float32(string device)
    {
        ComputeDevice on = TestDevices.Get(device);
        using var program = new ComputeProgram(on) { Checked = true };
        Tensor kept = on.CreateTensor(new Shape(1, 2));
        Tensor f = Copy.Join(program, on.CreateTensor(new Shape(1, 2)), on.CreateTensor(new Shape(1, 2), [3e25f, -4e25f]));
        Tensor zero = on.CreateTensor(new Shape(1, 2)), half = on.CreateTensor(new Shape(1), [MathF.Sqrt(0.5f)]);
        Copy.Into(program, ConsistencyTarget.Apply(program, f, zero, zero, half, half, on.CreateTensor(new Shape(1), [1]), 1, C, TangentNorm.Euclidean, out _), kept);
        program.Run();
        Assert.Equal([-0.6f, 0.8f], kept.ToArray().Select(v => MathF.Round(v, 5)));
    }

    [Fact]
    public void Wants_the_tangent_of_F_and_of_nothing_else()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor dual = program.Allocate(new Shape(2, 3), hasTangent: true), x = dual.Primal, time = program.Allocate(new Shape(2)), r = program.Allocate(new Shape(1));
        Assert.Throws<ArgumentException>(() => Apply(x, x));
        Assert.Throws<ArgumentException>(() => Apply(dual, dual));
        Assert.Equal(x.Shape, Apply(dual, x).Shape);

        Tensor Apply(Tensor f, Tensor xt) => ConsistencyTarget.Apply(program, f, xt, x, time, time, r, SigmaData, C, TangentNorm.Euclidean, out _);
    }

    private static OpCase Case(Shape shape, TangentNorm norm, bool length) => new(
        $"consistency target {shape} {norm}{(length ? ", length" : "")}",
        [shape, shape, shape, shape, new Shape(shape.N), new Shape(shape.N), new Shape(1)],
        (p, x) =>
        {
            Tensor target = ConsistencyTarget.Apply(p, Copy.Join(p, x[0], x[1]), x[2], x[3], x[4], x[5], x[6], SigmaData, C, norm, out Tensor tangentNorm);
            return length ? tangentNorm : target;
        },
        x => Reference(x, norm, length))
    { HasTangent = false, TangentInputs = 0, GradientInputs = 0 };

    private static double[] Reference(double[][] x, TangentNorm norm, bool length)
    {
        (double[] f, double[] j, double[] xt, double[] dxdt, double[] cos, double[] sin) = (x[0], x[1], x[2], x[3], x[4], x[5]);
        int size = f.Length / cos.Length;
        double[] target = new double[f.Length], lengths = new double[cos.Length];
        for (int n = 0; n < cos.Length; n++)
        {
            double[] g = [.. Enumerable.Range(n * size, size).Select(i =>
                -cos[n] * cos[n] * (SigmaData * f[i] - dxdt[i]) - x[6][0] * (cos[n] * sin[n] * xt[i] + SigmaData * j[i]))];
            lengths[n] = Math.Sqrt(g.Sum(v => v * v));
            double divisor = (norm == TangentNorm.Euclidean ? lengths[n] : lengths[n] / Math.Sqrt(size)) + C;
            for (int i = 0; i < size; i++)
                target[n * size + i] = f[n * size + i] + g[i] / divisor;
        }

        return length ? lengths : target;
    }
}
