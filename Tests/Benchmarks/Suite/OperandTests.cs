using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Operands are known on the host by their index alone, and errors are relative norms.</summary>
public class OperandTests
{
    [Fact]
    public void An_operand_is_on_the_device_what_it_is_by_index()
    {
        const int Count = 1_100_000; // more than the period of the numbers
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Operand plain = new(cpu, new Shape(Count), DType.Float32, 3, scale: 0.5f), dual = new(cpu, new Shape(2, Count / 2), DType.BFloat16, 4, dual: true);
        int[] places = [0, 1, Count / 2, 1_048_572, 1_048_573, Count - 1];
        Assert.All(places, i => Assert.Equal(plain[i], plain.Tensor.Span[i]));
        Span<BFloat16> stored = dual.Tensor.SpanOf<BFloat16>();
        Assert.Equal(2 * Count, stored.Length);
        foreach (int i in places)
            Assert.Equal(dual[i + Count], BFloat16.ToSingle(stored[i + Count]));
        double[] values = [.. Enumerable.Range(0, Count).Select(i => plain[i])];
        Assert.InRange(values.Average(), -0.01, 0.01);
        Assert.InRange(values.Average(v => v * v), 0.24, 0.26);
    }

    [Fact]
    public void An_error_is_the_relative_norm_of_the_difference()
    {
        using Tensor actual = TestDevices.Get("cpu").CreateTensor(new Shape(4), [3, 4, 0, 1]);
        Assert.Equal(0, new SampledError().Add(actual, [0, 1], i => i + 3).Relative);
        Assert.Equal(Math.Sqrt(2) / 5, new SampledError().Add(actual, 0, [4, 3]).Relative, 12); // |(1, 1)| / |(4, 3)|
    }
}
