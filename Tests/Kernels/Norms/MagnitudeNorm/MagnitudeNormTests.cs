using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class MagnitudeNormTests
{
    private const float Epsilon = 0.5f, Gain = 1.7f; // an epsilon as large as the root, so that it shows if a kernel omits it

    private static readonly (Shape Shape, int Run)[] Sizes =
    [
        (new(1), 1), (new(3, 37), 37), (new(2, 3, 5, 12), 4), (new(2, 2, 2, 24), 24), (new(2, 3, 3, 48), 8), (new(3, 5, 200), 200), (new(2, 2, 3, 72), 72),
    ];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        [.. from size in Sizes from kind in Enum.GetValues<Kind>() where kind == Kind.Norm || size.Shape.C == size.Run select Case(size.Shape, size.Run, kind)]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> InBFloat16 => TestDevices.Cross(
        ["simulator", "cuda"],
        [.. from size in Sizes from kind in Enum.GetValues<Kind>() where kind == Kind.Norm || size.Shape.C == size.Run select Case(size.Shape, size.Run, kind).InBFloat16()]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> LongRows => TestDevices.Cross(
        ["cuda"],
        [.. new[] { 192, 384, 576, 768, 1152, 1536, 1792, 2048, 2056 }.Select(channels => Case(new(1, 4, 9, channels), channels, Kind.Both).InBFloat16())]);

    /// <summary>Which outputs are read.</summary>
    private enum Kind
    {
        Norm,
        Activated,
        Both,
        Residual,
    }

    [Theory]
    [MemberData(nameof(Cases))]
    [MemberData(nameof(InBFloat16))]
    [MemberData(nameof(LongRows))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    /// <summary>The cotangent that a residual defers, with its factor, is read in the same pass and never written by itself.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_deferred_gradient_is_taken_in_the_same_pass(string name)
    {
        const float factor = 0.25f;
        ComputeDevice device = TestDevices.Get(name);
        var shape = new Shape(1, 2, 2, 4);
        float[] numbers = [.. Enumerable.Range(0, 16).Select(i => MathF.Sin(i + 1))];
        using Tensor x = device.CreateTensor(shape, numbers), dx = device.CreateTensor(shape), dy = device.CreateTensor(shape, [.. numbers.Reverse()]);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        (Tensor y, Tensor activated) = MagnitudeNorm.WithSilu(program, Copy.Join(program, x, null), Gain, Epsilon);
        Tensor output = ScaledAdd.Apply(program, activated, activated, 0.5f);
        tape.Record(output, [y], () => tape.Defer(program, y, dy, factor, _ => Assert.Fail("the contribution was written by itself")));
        tape.Seed(output, dy);
        tape.Backward();
        program.Run();
        double[] expected = new double[16];
        for (int row = 0; row < 4; row++)
        {
            for (int c = 0; c < 4; c++)
            {
                int i = 4 * row + c;
                expected[i] = Central(step => Enumerable.Range(0, 4).Sum(k =>
                {
                    double[] moved = [.. Enumerable.Range(0, 4).Select(m => numbers[4 * row + m] + (m == c ? step : 0))];
                    return numbers[15 - 4 * row - k] * (factor * Reference(moved, Kind.Norm)[k] + Reference(moved, Kind.Activated)[k]);
                }));
            }
        }

        Assert.InRange(OpBattery.RelativeError(expected, dx.ToArray()), 0, 2e-5);

        static double Central(Func<double, double> f) => (f(1e-4) - f(-1e-4)) / 2e-4;
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_run_of_zeros_is_scaled_by_the_epsilon_alone(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        var shape = new Shape(2, 4);
        using Tensor x = device.CreateTensor(shape, [0, 0, 0, 0, 3, 3, 3, 3]), dx = device.CreateTensor(shape), tangent = device.CreateTensor(shape, [1, 2, 3, 4, 1, 1, 1, 1]);
        using Tensor dy = device.CreateTensor(shape, [4, 3, 2, 1, 1, 1, 1, 1]), result = device.CreateTensor(shape);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor y = MagnitudeNorm.Apply(program, Copy.Join(program, x, tangent), 4, 0.25f);
        Copy.Into(program, y.Tangent, result);
        tape.Seed(y, dy);
        tape.Backward();
        program.Run();
        Assert.Equal([4f, 8f, 12f, 16f], result.ToArray()[..4]);
        Assert.Equal([16f, 12f, 8f, 4f], dx.ToArray()[..4]);
        Assert.Equal(0.25 / (3.25 * 3.25), result.ToArray()[4], 1e-6); // along x itself, only the epsilon leaves a derivative
    }

    [Fact]
    public void Runs_and_epsilons_that_do_not_fit_are_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor x = cpu.CreateTensor(new Shape(2, 12));
        foreach ((int run, float epsilon) in ((int, float)[])[(5, 1e-4f), (0, 1e-4f), (24, 1e-4f), (4, 0f), (4, float.NaN)])
            Assert.Contains("magnitude-norm", Assert.Throws<ArgumentException>(() => MagnitudeNorm.Apply(program, x, run, epsilon)).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape, int run, Kind kind) => new(
        $"magnitude-norm {shape}, runs of {run}, {kind}", [shape],
        (p, x) =>
        {
            if (kind == Kind.Norm)
                return MagnitudeNorm.Apply(p, x[0], run, Epsilon);
            (Tensor y, Tensor activated) = MagnitudeNorm.WithSilu(p, x[0], Gain, Epsilon);
            return kind switch
            {
                Kind.Activated => activated,
                Kind.Both => Concat.Apply(p, y, activated),
                _ => ScaledAdd.Apply(p, y, activated, 0.5f),
            };
        },
        x => [.. x[0].Chunk(run).SelectMany(row => Reference(row, kind))]);

    private static double[] Reference(double[] row, Kind kind)
    {
        double r = 1 / (Math.Sqrt(row.Average(v => v * v)) + Epsilon);
        double[] y = [.. row.Select(v => r * v)], activated = [.. y.Select(v => Gain * v / (1 + Math.Exp(-v)))];
        return kind switch
        {
            Kind.Norm => y,
            Kind.Activated => activated,
            Kind.Both => [.. y, .. activated],
            _ => [.. y.Zip(activated, (a, b) => 0.5 * (a + b))],
        };
    }
}
