using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class JoinedSiluTests
{
    private static readonly JoinFactors Factors = new(1.7f, 0.8f, 1.3f);
    private static readonly (Shape Shape, int First)[] Sizes = [(new(1, 2), 1), (new(2, 3, 5, 11), 7), (new(2, 2, 3, 24), 16), (new(3, 40), 8), (new(2, 4, 4, 12), 8)];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], [.. Sizes.Select(size => Two(size.Shape, size.First)), .. Sizes.Select(size => Single(size.Shape))]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> InBFloat16 => TestDevices.Cross(
        ["simulator", "cuda"], [.. Sizes.Select(size => Two(size.Shape, size.First).InBFloat16()), .. Sizes.Select(size => Single(size.Shape).InBFloat16())]);

    [Theory]
    [MemberData(nameof(Cases))]
    [MemberData(nameof(InBFloat16))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    /// <summary>The cotangent that a residual defers, with its factor, is added in the same pass and never written by itself.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_deferred_gradient_is_added(string name)
    {
        const float factor = 0.25f;
        ComputeDevice device = TestDevices.Get(name);
        var shape = new Shape(1, 3, 3, 8);
        float[] numbers = [.. Enumerable.Range(0, 72).Select(i => MathF.Sin(i))];
        using Tensor x = device.CreateTensor(shape, numbers), dx = device.CreateTensor(shape), dy = device.CreateTensor(shape, [.. numbers.Reverse()]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor copy = Copy.Join(program, x, null), activated = JoinedSilu.Apply(program, copy, null, Factors), output = ScaledAdd.Apply(program, activated, activated, 0.5f);
        tape.Record(output, [copy], () => tape.Defer(program, copy, dy, factor, _ => Assert.Fail("the contribution was written by itself")));
        tape.Seed(output, dy);
        tape.Backward();
        program.Run();
        double[] expected = [.. numbers.Select((v, i) => numbers[71 - i] * (factor + Factors.Gain * Slope(Factors.A * (double)v) * Factors.A))];
        Assert.InRange(OpBattery.RelativeError(expected, dx.ToArray()), 0, 1e-5);
    }

    [Fact]
    public void A_balanced_join_gives_each_operand_half_of_the_squares()
    {
        var factors = JoinFactors.Balanced(1, 192, 576);
        Assert.Equal(384, 192 * factors.A * factors.A, 1e-2);
        Assert.Equal(384, 576 * factors.B * factors.B, 1e-2);
    }

    [Fact]
    public void Operands_that_do_not_fit_are_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor a = cpu.CreateTensor(new Shape(2, 3)), dual = Copy.Join(program, a, a);
        foreach ((Tensor left, Tensor right) in ((Tensor, Tensor)[])[(a, cpu.CreateTensor(new Shape(3, 3))), (a, dual), (dual, a)])
            Assert.Contains("joined-silu", Assert.Throws<ArgumentException>(() => JoinedSilu.Apply(program, left, right, Factors)).Message, StringComparison.Ordinal);
    }

    private static OpCase Two(Shape shape, int first)
    {
        int[] a = shape.ToArray(), b = shape.ToArray();
        (a[^1], b[^1]) = (first, shape.C - first);
        return new OpCase(
            $"joined-silu {shape}, {first} first", [new Shape(a), new Shape(b)], (p, x) => JoinedSilu.Apply(p, x[0], x[1], Factors),
            x => [.. x[0].Chunk(first).Zip(x[1].Chunk(shape.C - first), (one, two) => (double[])[.. one.Select(v => Value(Factors.A * v)), .. two.Select(v => Value(Factors.B * v))])
                .SelectMany(row => row)]);
    }

    private static OpCase Single(Shape shape) => new(
        $"joined-silu {shape} of one operand", [shape], (p, x) => JoinedSilu.Apply(p, x[0], null, Factors), x => [.. x[0].Select(v => Value(Factors.A * v))]);

    private static double Value(double x) => Factors.Gain * x / (1 + Math.Exp(-x));

    private static double Slope(double x)
    {
        double s = 1 / (1 + Math.Exp(-x));
        return s * (1 + x * (1 - s));
    }
}
