using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class Resample2dTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[] { (1, 1, 1, 1), (2, 3, 5, 7), (1, 2, 1, 37), (3, 1, 4, 8) }.SelectMany(e => new[] { Up(e.Item1, e.Item2, e.Item3, e.Item4), Down(e.Item1, e.Item2, e.Item3, e.Item4) })
            .Append(Blurred(2, 2, 3, 5)));

    /// <summary>Channels that fall into packs of eight, and ones that do not.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Bf16Cases => TestDevices.Cross(
        ["simulator", "cuda"],
        new[] { (1, 1, 1, 1), (2, 3, 1, 7), (3, 1, 4, 8), (1, 2, 3, 24) }
            .SelectMany(e => new[] { Up(e.Item1, e.Item2, e.Item3, e.Item4), Down(e.Item1, e.Item2, e.Item3, e.Item4) })
            .Concat([Blurred(2, 2, 3, 5), Blurred(1, 3, 1, 16)])
            .Select(op => op.InBFloat16()));

    [Theory]
    [MemberData(nameof(Bf16Cases))]
    public void Agrees_with_float64_in_bf16(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_block()
    {
        OpBattery.Check("cpu", Up(2, 9, 11, 70));
        OpBattery.Check("cpu", Down(2, 9, 11, 70));
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Down_undoes_up_bit_for_bit(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        float[] values = [.. Enumerable.Range(0, 2 * 3 * 5 * 3).Select(i => MathF.Sin(i))];
        using var program = new ComputeProgram(device) { Checked = true };
        using Tensor x = device.CreateTensor(new Shape(2, 3, 5, 3), values), y = device.CreateTensor(x.Shape);
        Copy.Into(program, Resample2d.Down(program, Resample2d.Up(program, x)), y);
        program.Run();
        Assert.Equal(values, y.ToArray());
    }

    [Theory]
    [InlineData(3, 4)]
    [InlineData(4, 3)]
    public void Down_refuses_odd_extents_by_name(int height, int width)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(1, height, width, 2));
        var error = Assert.Throws<ArgumentException>(() => Resample2d.Down(program, x));
        Assert.Contains($"resample2d.down: (1, {height}, {width}, 2)", error.Message, StringComparison.Ordinal);
    }

    private static OpCase Up(int n, int h, int w, int c) => new(
        $"up ({n}, {h}, {w}, {c})", [new Shape(n, h, w, c)], (p, x) => Resample2d.Up(p, x[0]), x =>
        {
            double[] y = new double[4 * x[0].Length];
            for (int i = 0; i < y.Length; i++)
            {
                int channel = i % c, column = i / c % (2 * w), row = i / c / (2 * w) % (2 * h), image = i / c / (2 * w) / (2 * h);
                y[i] = x[0][((image * h + row / 2) * w + column / 2) * c + channel];
            }

            return y;
        });

    private static OpCase Down(int n, int h, int w, int c) => new(
        $"down to ({n}, {h}, {w}, {c})", [new Shape(n, 2 * h, 2 * w, c)], (p, x) => Resample2d.Down(p, x[0]), x =>
        {
            double[] y = new double[x[0].Length / 4];
            for (int i = 0; i < x[0].Length; i++)
            {
                int channel = i % c, column = i / c % (2 * w), row = i / c / (2 * w) % (2 * h), image = i / c / (2 * w) / (2 * h);
                y[((image * h + row / 2) * w + column / 2) * c + channel] += x[0][i] / 4;
            }

            return y;
        });

    /// <summary>x + up(down(x)): the gradient to which down's is added differs within each block of four.</summary>
    private static OpCase Blurred(int n, int h, int w, int c) => new(
        $"x + up(down(x)) of ({n}, {2 * h}, {2 * w}, {c})", [new Shape(n, 2 * h, 2 * w, c)],
        (p, x) => ScaledAdd.Apply(p, x[0], Resample2d.Up(p, Resample2d.Down(p, x[0])), 1), x =>
        {
            double[] blurred = Up(n, h, w, c).Reference([Down(n, h, w, c).Reference(x)]);
            return [.. x[0].Zip(blurred, (a, b) => a + b)];
        });
}
