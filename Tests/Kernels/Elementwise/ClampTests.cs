using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ClampTests
{
    private static readonly Shape[] Shapes = [new(1), new(3, 37), new(2, 3, 5, 16)];

    // Inputs that no bound of the reference's differences crosses: the derivative jumps there.
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], [.. Shapes.Select(shape => Case(shape, 1f)), Case(new Shape(40), 256f)]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> InBFloat16 => TestDevices.Cross(
        ["simulator", "cuda"], [.. Shapes.Select(shape => Case(shape, 1f).InBFloat16()), Case(new Shape(40), 256f).InBFloat16()]);

    [Theory]
    [MemberData(nameof(Cases))]
    [MemberData(nameof(InBFloat16))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void What_is_not_a_number_stays_so(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using Tensor x = device.CreateTensor(new Shape(4), [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -3f]);
        using var program = new ComputeProgram(device);
        Clamp.InPlace(program, x, 2f);
        program.Run();
        Assert.Equal([float.NaN, 2f, -2f, -2f], x.ToArray());
    }

    [Fact]
    public void Bounds_that_are_not_positive_are_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        foreach (float bound in (float[])[0f, -1f, float.NaN])
            Assert.Contains("clamp", Assert.Throws<ArgumentException>(() => Clamp.InPlace(program, cpu.CreateTensor(new Shape(2)), bound)).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape, float bound) => new(
        $"clamp {shape} to {bound}", [shape],
        (p, x) =>
        {
            Tensor y = ScaledAdd.Apply(p, x[0], x[0], 0.5f);
            Clamp.InPlace(p, y, bound);
            return ScaledAdd.Apply(p, y, y, 0.5f);
        },
        x => [.. x[0].Select(v => Math.Clamp(v, -bound, bound))])
    {
        Fill = (_, random) => [.. Enumerable.Range(0, (int)shape.Count).Select(_ => Away((float)(4 * random.NextDouble() - 2), bound))],
    };

    private static float Away(float value, float bound) => Math.Abs(Math.Abs(value) - bound) < 0.05f ? value * 0.9f : value;
}
