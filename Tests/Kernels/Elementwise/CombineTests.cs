using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class CombineTests
{
    private const float Sa = 0.5f, Sb = -1.25f;

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[] { new Shape(1), new Shape(3, 5, 7, 2), new Shape(1, 37), new Shape(5, 1, 3) }
            .SelectMany(shape => new[] { Two(shape), One(shape), InPlace(shape, 0), InPlace(shape, 2) }));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_block() => OpBattery.Check("cpu", Two(new Shape(9, 31, 37, 3)));

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Writes_one_half_of_a_dual_tensor(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using var program = new ComputeProgram(device) { Checked = true };
        using Tensor a = device.CreateTensor(new Shape(2, 3), [1f, 2, 3, 4, 5, 6]), c = device.CreateTensor(new Shape(2), [2f, 10]);
        using Tensor kept = device.CreateTensor(new Shape(4, 3));
        Tensor dual = program.Allocate(a.Shape, hasTangent: true);
        Combine.Into(program, a, c, 1, null, null, 0, dual.Primal);
        Combine.Into(program, a, c, -1, a, c, 3, dual.Tangent);
        Copy.Into(program, dual, kept);
        program.Run();
        Assert.Equal([2f, 4, 6, 40, 50, 60, 4, 8, 12, 80, 100, 120], kept.ToArray());
    }

    [Fact]
    public void Refuses_what_does_not_fit_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor a = device.CreateTensor(new Shape(2, 3)), c = device.CreateTensor(new Shape(2)), wrong = device.CreateTensor(new Shape(3));
        Assert.Contains("combine", Assert.Throws<ArgumentException>(() => Combine.Into(program, a, wrong, 1, null, null, 0, a)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Combine.Into(program, a, c, 1, a, null, 0, a));
        Assert.Throws<ArgumentException>(() => Combine.Into(program, a, c, 1, null, null, 0, program.Allocate(a.Shape, hasTangent: true)));
    }

    private static OpCase Two(Shape shape) => Constant($"combine {shape}", shape, (p, x) =>
    {
        Tensor target = p.Allocate(shape);
        Combine.Into(p, x[0], x[1], Sa, x[2], x[3], Sb, target);
        return target;
    }, secondTerm: true);

    private static OpCase One(Shape shape) => Constant($"combine {shape}, one term", shape, (p, x) =>
    {
        Tensor target = p.Allocate(shape);
        Combine.Into(p, x[0], x[1], Sa, null, null, Sb, target);
        return target;
    }, secondTerm: false);

    private static OpCase InPlace(Shape shape, int operand) => Constant($"combine {shape} into operand {operand}", shape, (p, x) =>
    {
        Tensor[] copies = [.. x.Select(each => Copy.Join(p, each, null))];
        Combine.Into(p, copies[0], copies[1], Sa, copies[2], copies[3], Sb, copies[operand]);
        return copies[operand];
    }, secondTerm: true);

    private static OpCase Constant(string name, Shape shape, Func<ComputeProgram, Tensor[], Tensor> apply, bool secondTerm) => new(
        name, [shape, new Shape(shape.N), shape, new Shape(shape.N)], apply, x =>
        {
            int elements = x[0].Length / shape.N;
            return [.. x[0].Select((a, i) => Sa * x[1][i / elements] * a + (secondTerm ? Sb * x[3][i / elements] * x[2][i] : 0))];
        })
    { GradientInputs = 0, TangentInputs = 0, HasTangent = false };
}
