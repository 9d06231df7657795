using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class RAdamTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Follows_float64_over_20_steps_with_one_skipped(string device) =>
        OptimizerRun.Check(device, rectified: true, new AdamOptions(0.9f, 0.99f, 1e-8f));

    [Fact]
    public void Rectifies_from_the_sixth_step_at_the_usual_decay()
    {
        // p_k for b2 = 0.999: 1, 2.0, 3.0, 4.0, 5.0 at k = 1..5 (each a little below), 6.0 at k = 6.
        double[] factors = [.. Enumerable.Range(1, 7).Select(k => RAdam.Rectification(0.999, 1 - Math.Pow(0.999, k), k))];
        Assert.Equal([0, 0, 0, 0, 0], factors[..5]);
        Assert.InRange(factors[5], 0.01, 0.1);
        Assert.True(factors[6] > factors[5]);
    }

    [Fact]
    public void Becomes_Adam_after_many_steps() => Assert.Equal(1, RAdam.Rectification(0.99, 1, 1e5), 1e-12);

    [Fact]
    public void Never_adapts_where_the_memory_is_too_short() => Assert.Equal(0, RAdam.Rectification(0.5, 1, 1e5)); // p = 3
}
