using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class DropoutTests
{
    private const ulong Seed = 77;
    private const uint Purpose = 5;
    private const int Step = 3, First = 40;

    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[]
        {
            Case(new Shape(1), 0.5f), Case(new Shape(1, 37), 0.13f), Case(new Shape(3, 3, 5, 7), 0.2f), Case(new Shape(2, 1, 3, 11), 0.75f),
            Case(new Shape(5, 2), 0.9f),
        });

    /// <summary>Samples that fall into packs of eight, and ones that do not. The masks are those of fp32.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Bf16Cases => TestDevices.Cross(
        ["simulator", "cuda"],
        new[] { Case(new Shape(1, 37), 0.13f), Case(new Shape(3, 1, 5, 8), 0.2f), Case(new Shape(2, 3, 16), 0.5f), Case(new Shape(5, 2), 0.9f) }
            .Select(op => op.InBFloat16()));

    [Theory]
    [MemberData(nameof(Bf16Cases))]
    public void Agrees_with_float64_in_bf16(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_run() => OpBattery.Check("cpu", Case(new Shape(3, 21, 23, 7), 0.4f));

    /// <summary>Five standard errors of a share of 2^20 independent draws.</summary>
    [Fact]
    public void Drops_the_share_asked_for()
    {
        const int count = 1 << 20;
        const double rate = 0.13;
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor x = device.CreateTensor(new Shape(8, count / 8)), kept = device.CreateTensor(x.Shape);
        x.Span.Fill(1);
        using var program = new ComputeProgram(device) { Checked = true };
        Copy.Into(program, Dropout.Apply(program, x, Source(device), (float)rate), kept);
        program.Run();
        float[] y = kept.ToArray();
        Assert.Equal(rate, y.Average(v => v == 0 ? 1.0 : 0), 5 * Math.Sqrt(rate * (1 - rate) / count));
        Assert.Equal([0f, 1f / (1f - 0.13f)], y.Distinct().Order());
    }

    [Fact]
    public void Rate_0_is_the_input_itself()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(2, 3));
        Assert.Same(x, Dropout.Apply(program, x, Source(device), 0));
        Assert.Empty(program.Steps);
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(-0.1f)]
    [InlineData(float.NaN)]
    public void Refuses_other_rates(float rate)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(2, 3));
        Assert.Contains("dropout", Assert.Throws<ArgumentOutOfRangeException>(() => Dropout.Apply(program, x, Source(device), rate)).Message, StringComparison.Ordinal);
    }

    private static OpCase Case(Shape shape, float rate) => new(
        $"dropout {shape} {rate}", [shape], (p, x) => Dropout.Apply(p, x[0], Source(p.Device), rate), x =>
        {
            int elements = x[0].Length / shape.N;
            return [.. x[0].Select((v, i) =>
            {
                (int n, int element) = (i / elements, i % elements);
                Philox.Words words = Philox.At((uint)element / 4, (uint)(First + n), Step, Purpose, (uint)Seed, 0);
                uint word = (element % 4) switch { 0 => words.A, 1 => words.B, 2 => words.C, _ => words.D };
                return Philox.ToUnit(word) > rate ? v / (1 - rate) : 0;
            })];
        });

    private static RandomSource Source(ComputeDevice device)
    {
        Tensor counter = device.CreateTensor(new Shape(2), DType.Int32);
        counter.Upload<int>([Step, First]);
        return new RandomSource(Seed, (RandomPurpose)Purpose, counter);
    }
}
