using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class PixelNormTests
{
    private static readonly Shape[] Shapes = [new(1), new(1, 37), new(2, 3, 5, 11), new(4, 2, 36), new(3, 1024)];

    // An epsilon as large as the mean square, so that it shows if a kernel omits it; and the epsilon of networks.
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        Shapes.Select(shape => Case(shape, 0.5f)).Append(Case(new Shape(3, 37), 1e-8f)).Concat(Shapes.Select(shape => Case(shape, 0.5f, NormEpsilon.Outside))));

    // Parts of different widths, one without a reader, one whose cotangent is seeded; the last case is a row of a network.
    public static IEnumerable<TheoryDataRow<string, OpCase>> Splits => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        [
            Split(1, [7], 1, [0]), Split(3, [6, 10, 4], 2, [0, 1, 2]), Split(2, [5, 3, 9], 1, [2, 0]), Split(4, [66, 6, 12], 3, [1]),
            Split(2, [300, 512], 2, [1, 0]),
        ]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Splits))]
    public void Parts_of_one_matrix_agree_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void One_launch_makes_all_parts_and_one_their_gradient()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor x = cpu.CreateTensor(new Shape(2, 24)), dx = cpu.CreateTensor(x.Shape), dy = cpu.CreateTensor(new Shape(2, 8));
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(cpu) { Tape = tape, Checked = true };
        Tensor[] parts = PixelNorm.Split(program, x, [8, 8, 8], 2);
        tape.Seed(ScaledAdd.Apply(program, ScaledAdd.Apply(program, parts[0], parts[1], 1), parts[2], 1), dy);
        tape.Backward();
        Assert.Single(program.Steps, step => step.Op == "pixelnorm.forward");
        Assert.Single(program.Steps, step => step.Op == "pixelnorm.backward");
        Assert.DoesNotContain(program.Steps, step => step.Op == "copy.forward");
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        Tensor x = cpu.CreateTensor(new Shape(2, 12));
        foreach ((int[] widths, int runs) in ((int[], int)[])[([6, 5], 1), ([6, 7], 1), ([7, 5], 2), ([12, 0], 1), ([6, 6], 0), ([], 1)])
            Assert.Contains("pixelnorm", Assert.Throws<ArgumentException>(() => PixelNorm.Split(program, x, widths, runs)).Message, StringComparison.Ordinal);
    }

    /// <summary>The parts asked for, joined again in the order asked for.</summary>
    private static OpCase Split(int rows, int[] widths, int runs, int[] read) =>
        new(
            $"pixelnorm of {rows} rows cut into {string.Join('+', widths)}, {runs} runs each, {string.Join(',', read)} read", [new Shape(rows, widths.Sum())],
            (p, x) =>
            {
                Tensor[] parts = PixelNorm.Split(p, x[0], widths, runs, 0.5f);
                return read.Skip(1).Aggregate(parts[read[0]], (joined, part) => Concat.Apply(p, joined, parts[part]));
            },
            x =>
            {
                double[][] rowsOfX = [.. x[0].Chunk(widths.Sum())];
                return [.. rowsOfX.SelectMany(row => read.SelectMany(part =>
                    Reference(row[widths[..part].Sum()..widths[..(part + 1)].Sum()], widths[part] / runs, 0.5)))];
            });

    /// <summary>A row of zeros has no root to divide by: its tangent is tx / epsilon, its gradient dy / epsilon.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_row_of_zeros_is_scaled_by_the_outer_epsilon_alone(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using Tensor x = device.CreateTensor(new Shape(1, 5)), dx = device.CreateTensor(x.Shape);
        using Tensor tangent = device.CreateTensor(x.Shape, [1, 2, 3, 4, 5]), dy = device.CreateTensor(x.Shape, [5, 4, 3, 2, 1]), result = device.CreateTensor(x.Shape);
        var tape = new Tape();
        tape.Watch(x, dx);
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor y = PixelNorm.Apply(program, Copy.Join(program, x, tangent), 0.25f, NormEpsilon.Outside);
        Copy.Into(program, y.Tangent, result);
        tape.Seed(y, dy);
        tape.Backward();
        program.Run();
        Assert.Equal([4f, 8f, 12f, 16f, 20f], result.ToArray());
        Assert.Equal([20f, 16f, 12f, 8f, 4f], dx.ToArray());
    }

    private static OpCase Case(Shape shape, float epsilon, NormEpsilon place = NormEpsilon.InRoot) =>
        new(
            $"pixelnorm {shape}, epsilon {epsilon} {place}", [shape], (p, x) => PixelNorm.Apply(p, x[0], epsilon, place),
            x => Reference(x[0], shape.C, epsilon, place));

    private static double[] Reference(double[] x, int channels, double epsilon, NormEpsilon place = NormEpsilon.InRoot) =>
        [.. x.Chunk(channels).SelectMany(row => row.Select(v => v / Divisor(row.Average(u => u * u), epsilon, place)))];

    private static double Divisor(double meanSquare, double epsilon, NormEpsilon place) =>
        place == NormEpsilon.InRoot ? Math.Sqrt(meanSquare + epsilon) : Math.Sqrt(meanSquare) + epsilon;
}
