using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class RegressionLossTests
{
    private static readonly Shape[] Shapes = [new(1, 1), new(1, 5, 3, 1), new(3, 5, 7, 2), new(2, 37), new(4, 3, 11, 9), new(2, 3, 4, 3)];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        Shapes.SelectMany(shape => new[]
        {
            Case(shape, "loss", Loss), Case(shape, "error", Error) with { GradientInputs = 0 }, Case(shape, LossKind.Huber, 0.3f), Case(shape, LossKind.Huber, 0),
            Case(shape, LossKind.Absolute, 0),
        }));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Is_least_where_the_weight_is_the_inverse_error(string device)
    {
        ComputeDevice on = TestDevices.Get(device);
        using var program = new ComputeProgram(on) { Tape = new Tape(), Checked = true };
        Tensor w = on.CreateTensor(new Shape(1), [MathF.Log(1 / 2.5f)]), dw = on.CreateTensor(new Shape(1)), kept = on.CreateTensor(new Shape(1));
        program.Tape.Watch(w, dw);
        Tensor loss = RegressionLoss.Apply(program, on.CreateTensor(new Shape(1, 2), [1, 2]), on.CreateTensor(new Shape(1, 2), [0, 0]), w, out _);
        Copy.Into(program, loss, kept);
        program.Tape.Seed(loss, on.CreateTensor(new Shape(1), [1]));
        program.Tape.Backward();
        program.Run();
        Assert.Equal(1 + MathF.Log(2.5f), kept.ToArray()[0], 1e-6f);
        Assert.Equal(0, dw.ToArray()[0], 1e-6f);
    }

    /// <summary>The plain norm has no slope at its least: the gradient is 0 there and not NaN.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_norm_of_nothing_has_no_gradient(string device)
    {
        ComputeDevice on = TestDevices.Get(device);
        foreach (LossKind kind in new[] { LossKind.Huber, LossKind.Absolute })
        {
            using var program = new ComputeProgram(on) { Tape = new Tape(), Checked = true };
            Tensor f = on.CreateTensor(new Shape(1, 3), [1, 2, 3]), df = on.CreateTensor(f.Shape), w = on.CreateTensor(new Shape(1));
            program.Tape.Watch(f, df);
            Tensor loss = RegressionLoss.Apply(program, f, on.CreateTensor(f.Shape, [1, 2, 3]), w, kind, 0, out _);
            program.Tape.Seed(loss, on.CreateTensor(new Shape(1), [1]));
            program.Tape.Backward();
            program.Run();
            Assert.Equal([0, 0, 0], df.ToArray());
        }
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu) { Tape = new Tape() };
        Tensor f = program.Allocate(new Shape(2, 3)), w = program.Allocate(new Shape(2));
        Assert.Throws<ArgumentException>(() => RegressionLoss.Apply(program, f, program.Allocate(new Shape(3, 2)), w, out _));
        Assert.Throws<ArgumentException>(() => RegressionLoss.Apply(program, f, f, program.Allocate(new Shape(2, 1)), out _));
        Assert.Throws<ArgumentException>(() => RegressionLoss.Apply(program, program.Allocate(f.Shape, hasTangent: true), f, w, out _));
        Tensor watched = cpu.CreateTensor(f.Shape);
        program.Tape.Watch(watched, cpu.CreateTensor(f.Shape));
        Assert.Throws<ArgumentException>(() => RegressionLoss.Apply(program, f, watched, w, out _));
        Assert.Throws<ArgumentException>(() => RegressionLoss.Apply(program, f, f, w, LossKind.Huber, -1, out _));
        Assert.Throws<ArgumentException>(() => RegressionLoss.Apply(program, f, f, w, (LossKind)7, 0, out _));
    }

    private static OpCase Case(Shape shape, string what, Func<double[][], double[]> reference) => new(
        $"regression loss {shape}, {what}", [shape, new Shape(shape.N), shape],
        (p, x) =>
        {
            Tensor loss = RegressionLoss.Apply(p, x[0], x[2], x[1], out Tensor error);
            return what == "loss" ? loss : error;
        },
        reference)
    { HasTangent = false, TangentInputs = 0, GradientInputs = 2 };

    private static OpCase Case(Shape shape, LossKind kind, float constant) => new(
        $"regression loss {shape}, {kind} {constant}", [shape, new Shape(shape.N), shape],
        (p, x) => RegressionLoss.Apply(p, x[0], x[2], x[1], kind, constant, out _),
        x => [.. Distance(x, kind, constant).Zip(x[1], (distance, w) => Math.Exp(w) * distance - w)])
    { HasTangent = false, TangentInputs = 0, GradientInputs = 2 };

    private static double[] Distance(double[][] x, LossKind kind, double c)
    {
        int samples = x[1].Length, size = x[0].Length / samples;
        return [.. Enumerable.Range(0, samples).Select(n =>
        {
            double[] d = [.. Enumerable.Range(n * size, size).Select(i => x[0][i] - x[2][i])];
            return kind == LossKind.Huber ? Math.Sqrt(d.Sum(v => v * v) + c * c) - c : d.Sum(Math.Abs) / size;
        })];
    }

    private static double[] Loss(double[][] x) => [.. Error(x).Zip(x[1], (error, w) => Math.Exp(w) * error - w)];

    private static double[] Error(double[][] x)
    {
        int samples = x[1].Length, size = x[0].Length / samples;
        return [.. Enumerable.Range(0, samples).Select(n =>
            Enumerable.Range(n * size, size).Sum(i => (x[0][i] - x[2][i]) * (x[0][i] - x[2][i])) / size)];
    }
}
