using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class TokenSequenceTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"], from shape in (Shape[])[new(3, 2, 3, 5), new(1, 4, 4, 8), new(2, 1, 1, 1)] select Case(shape));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor x = cpu.CreateTensor(new Shape(2, 2, 2, 3)), short_ = cpu.CreateTensor(new Shape(4, 3)), narrow = cpu.CreateTensor(new Shape(5, 2)), right = cpu.CreateTensor(new Shape(5, 3));
        using var program = new ComputeProgram(cpu);
        foreach ((Tensor patches, Tensor table) in ((Tensor, Tensor)[])[(x, short_), (x, narrow), (right, right), (Copy.Join(program, x, x), right)])
            Assert.Contains("token-sequence", Assert.Throws<ArgumentException>(() => TokenSequence.Apply(program, patches, table)).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape) => new(
        $"token-sequence {shape}", [shape, new Shape(1 + shape.H * shape.W, shape.C)], (p, x) => TokenSequence.Apply(p, x[0], x[1]), x => Reference(x[0], x[1], shape))
    {
        GradientInputs = 0,
        TangentInputs = 0,
        HasTangent = false,
    };

    private static double[] Reference(double[] patches, double[] table, Shape shape)
    {
        int length = shape.H * shape.W;
        return
        [
            .. from n in Enumerable.Range(0, shape.N)
               from token in Enumerable.Range(0, 1 + length)
               from c in Enumerable.Range(0, shape.C)
               select table[token * shape.C + c] + (token == 0 ? 0 : patches[(n * length + token - 1) * shape.C + c]),
        ];
    }
}
