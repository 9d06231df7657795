using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class WeightedSquaredErrorTests
{
    private static readonly Shape[] Shapes = [new(1, 1), new(1, 5, 3, 1), new(3, 5, 7, 2), new(2, 37), new(4, 3, 11, 9), new(2, 3, 4, 3)];

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        Shapes.SelectMany(shape => new[] { Case(shape, "loss", Loss), Case(shape, "error", Error) with { GradientInputs = 0 } }));

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
        Tensor loss = WeightedSquaredError.Apply(program, on.CreateTensor(new Shape(1, 2), [1, 2]), on.CreateTensor(new Shape(1, 2), [0, 0]), w, out _);
        Copy.Into(program, loss, kept);
        program.Tape.Seed(loss, on.CreateTensor(new Shape(1), [1]));
        program.Tape.Backward();
        program.Run();
        Assert.Equal(1 + MathF.Log(2.5f), kept.ToArray()[0], 1e-6f);
        Assert.Equal(0, dw.ToArray()[0], 1e-6f);
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu) { Tape = new Tape() };
        Tensor f = program.Allocate(new Shape(2, 3)), w = program.Allocate(new Shape(2));
        Assert.Throws<ArgumentException>(() => WeightedSquaredError.Apply(program, f, program.Allocate(new Shape(3, 2)), w, out _));
        Assert.Throws<ArgumentException>(() => WeightedSquaredError.Apply(program, f, f, program.Allocate(new Shape(2, 1)), out _));
        Assert.Throws<ArgumentException>(() => WeightedSquaredError.Apply(program, program.Allocate(f.Shape, hasTangent: true), f, w, out _));
        Tensor watched = cpu.CreateTensor(f.Shape);
        program.Tape.Watch(watched, cpu.CreateTensor(f.Shape));
        Assert.Throws<ArgumentException>(() => WeightedSquaredError.Apply(program, f, watched, w, out _));
    }

    private static OpCase Case(Shape shape, string what, Func<double[][], double[]> reference) => new(
        $"weighted squared error {shape}, {what}", [shape, new Shape(shape.N), shape],
        (p, x) =>
        {
            Tensor loss = WeightedSquaredError.Apply(p, x[0], x[2], x[1], out Tensor error);
            return what == "loss" ? loss : error;
        },
        reference)
    { HasTangent = false, TangentInputs = 0, GradientInputs = 2 };

    private static double[] Loss(double[][] x) => [.. Error(x).Zip(x[1], (error, w) => Math.Exp(w) * error - w)];

    private static double[] Error(double[][] x)
    {
        int samples = x[1].Length, size = x[0].Length / samples;
        return [.. Enumerable.Range(0, samples).Select(n =>
            Enumerable.Range(n * size, size).Sum(i => (x[0][i] - x[2][i]) * (x[0][i] - x[2][i])) / size)];
    }
}
