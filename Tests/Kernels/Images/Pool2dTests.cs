using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class Pool2dTests
{
    private static readonly Window2d Same = Window2d.Same(3, 3), Down = new(3, 3, 2), UpperLeft = new(3, 3, 2) { Top = 1, Left = 1 };

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        from kind in (PoolKind[])[PoolKind.Max, PoolKind.Average]
        from each in ((Shape, Window2d)[])[(new(2, 4, 5, 3), Same), (new(1, 7, 6, 9), Down), (new(1, 6, 8, 4), UpperLeft), (new(1, 3, 4, 1), new Window2d(2, 3) { Bottom = 1, Right = 2 })]
        select Case(each.Item1, kind, each.Item2));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Writes_its_channels_of_a_tensor_and_no_others(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using Tensor x = device.CreateTensor(new Shape(1, 2, 2, 1), [1f, 2f, 3f, 4f]), y = device.CreateTensor(new Shape(1, 1, 1, 3), [-1f, -1f, -1f]);
        using var program = new ComputeProgram(device);
        Pool2d.Into(program, x, PoolKind.Max, new Window2d(2, 2), y, 1);
        program.Run();
        Assert.Equal([-1f, 4f, -1f], y.ToArray());
    }

    [Fact]
    public void The_mean_leaves_out_what_lies_beyond_the_border()
    {
        double[] x = [.. Enumerable.Range(1, 12).Select(i => (double)i)];
        double[] without = WindowReference.Pool(x, new Shape(1, 3, 4, 1), PoolKind.Average, Same), with = WindowReference.Pool(x, new Shape(1, 3, 4, 1), PoolKind.Average, Same, countPadding: true);
        Assert.Equal((1 + 2 + 5 + 6) / 4.0, without[0]);
        Assert.Equal((1 + 2 + 5 + 6) / 9.0, with[0]);
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor x = cpu.CreateTensor(new Shape(1, 4, 4, 2)), rows = cpu.CreateTensor(new Shape(4, 2)), y = cpu.CreateTensor(new Shape(1, 4, 4, 3));
        var tape = new Tape();
        using var program = new ComputeProgram(cpu) { Tape = tape };
        using Tensor watched = cpu.CreateTensor(x.Shape), gradient = cpu.CreateTensor(x.Shape);
        tape.Watch(watched, gradient);
        Refused(() => Pool2d.Apply(program, rows, PoolKind.Max, Same), "is not (N, H, W, C)");
        Refused(() => Pool2d.Apply(program, x, PoolKind.Max, new Window2d(5, 3)), "is larger than");
        Refused(() => Pool2d.Apply(program, x, PoolKind.Max, new Window2d(3, 3, 0)), "is no window");
        Refused(() => Pool2d.Apply(program, x, PoolKind.Max, new Window2d(3, 3) { Top = 3 }), "is no window");
        Refused(() => Pool2d.Into(program, x, PoolKind.Max, Same, y, 2), "2 channels from 2 on");
        Refused(() => Pool2d.Apply(program, Copy.Join(program, x, x), PoolKind.Max, Same), "carries a tangent");
        Refused(() => Pool2d.Apply(program, watched, PoolKind.Max, Same), "needs a gradient");
    }

    private static void Refused(Action record, string reason) => Assert.Contains(reason, Assert.Throws<ArgumentException>(record).Message, StringComparison.Ordinal);

    private static OpCase Case(Shape shape, PoolKind kind, Window2d window) => new(
        $"pool2d {kind} {shape} {window.Height}x{window.Width} s{window.Stride} {window.Top}{window.Left}{window.Bottom}{window.Right}", [shape],
        (p, x) => Pool2d.Apply(p, x[0], kind, window), x => WindowReference.Pool(x[0], shape, kind, window))
    { GradientInputs = 0, TangentInputs = 0, HasTangent = false };
}
