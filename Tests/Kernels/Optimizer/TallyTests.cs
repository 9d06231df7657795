using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class TallyTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Adds_what_is_finite_and_counts_the_rest(string device)
    {
        ComputeDevice on = TestDevices.Get(device);
        using Tensor sums = on.CreateTensor(new Shape(Tally.Length), DType.Float64);
        sums.Upload<double>([10, 2, 1]);
        float[] values = [.. Enumerable.Range(0, 37).Select(i => 1f + i * 1e-4f)];
        (values[3], values[17], values[36]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);
        using var program = new ComputeProgram(on) { Checked = true };
        Tally.Into(program, on.CreateTensor(new Shape(37), values), sums);
        program.Run();
        program.Run();
        double[] actual = new double[Tally.Length];
        sums.Download(actual.AsSpan());
        Assert.Equal(10 + 2 * values.Where(float.IsFinite).Sum(v => (double)v), actual[0], 1e-12);
        Assert.Equal([70, 7], actual[1..]);
    }

    [Fact]
    public void Refuses_sums_that_are_no_tally()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor x = program.Allocate(new Shape(2));
        Assert.Throws<ArgumentException>(() => Tally.Into(program, x, program.Allocate(new Shape(3))));
        Assert.Throws<ArgumentException>(() => Tally.Into(program, x, program.Allocate(new Shape(2), type: DType.Float64)));
    }
}
