using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>A case that the battery does not cover, although it copies every input of every op: a copy whose gradient is added to another's.</summary>
public class CopyTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(["cpu", "simulator", "cuda"], [Twice(37)]);

    public static IEnumerable<TheoryDataRow<string, OpCase>> Bf16Cases => TestDevices.Cross(
        ["simulator", "cuda"], [Twice(37).InBFloat16(), Twice(40).InBFloat16()]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Bf16Cases))]
    public void Agrees_with_float64_in_bf16(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Refuses_a_tangent_of_another_type()
    {
        ComputeDevice device = TestDevices.Get("simulator");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(2, 3)), tx = device.CreateTensor(new Shape(2, 3), DType.BFloat16);
        Assert.Contains("cannot join", Assert.Throws<ArgumentException>(() => Copy.Join(program, x, tx)).Message, StringComparison.Ordinal);
    }

    private static OpCase Twice(int count) => new(
        $"two copies of ({count})", [new Shape(count)],
        (p, x) => ScaledAdd.Apply(p, Copy.Join(p, x[0], null), Copy.Join(p, x[0], null), 0.75f), x => [.. x[0].Select(v => 1.5 * v)])
    {
        TangentInputs = 0,
        HasTangent = false,
    };
}
