using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class SiluTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[] { new Shape(1), new Shape(3, 5, 7), new Shape(1, 37), new Shape(2, 3, 5, 11) }.Select(shape =>
            new OpCase($"silu {shape}", [shape], (p, x) => Silu.Apply(p, x[0]), x => [.. x[0].Select(v => v / (1 + Math.Exp(-v)))])));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);
}
