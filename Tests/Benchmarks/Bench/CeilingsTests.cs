using TrigFlowNative.Benchmarks;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The least time that ceilings allow.</summary>
public class CeilingsTests
{
    [Fact]
    public void A_bound_is_that_of_the_scarcer_resource()
    {
        var ceilings = new Ceilings(BytesPerSecond: 4e12, FlopsPerSecond: 8e14);
        Assert.Equal(1e-3, ceilings.Bound(flops: 8e11, bytes: 1e9), 12);
        Assert.Equal(2e-3, ceilings.Bound(flops: 8e11, bytes: 8e9), 12);
        Assert.Equal(2.5e-4, ceilings.Bound(flops: 0, bytes: 1e9), 12);
        Assert.True(double.IsNaN(Ceilings.Unknown.Bound(1, 1)));
    }

    [Fact]
    public void What_lies_in_a_cache_is_bound_by_a_copy_that_does()
    {
        var ceilings = new Ceilings(BytesPerSecond: 1e10, FlopsPerSecond: 1e11) { Cached = [new(1e5, 2e11), new(1e6, 1e11), new(4e6, 3e10)] };
        Assert.Equal([2e11, 2e11, 2e11, 1e11, 3e10, 3e10, 1e10, 1e10], new[] { 1, 1e5, 9e5, 1e6, 4e6, 7.9e6, 8e6, 1e9 }.Select(ceilings.RateOf));
        Assert.Equal([true, true, false], new[] { 1e5, 7.9e6, 8e6 }.Select(ceilings.IsCached));
        Assert.Equal(1e-5, ceilings.Bound(flops: 0, bytes: 1e6), 12);
        Assert.True(ceilings.IsMemoryBound(flops: 5e5, bytes: 1e6) && !ceilings.IsMemoryBound(flops: 5e6, bytes: 1e6));
        Assert.False(new Ceilings(1e10, 1e11).IsCached(1));
    }

    [Fact]
    public void The_host_has_a_ceiling_for_each_place_of_the_data()
    {
        using var cpu = new CpuDevice();
        using var bench = KernelBench.On(cpu);
        Assert.True(bench.Ceilings is { BytesPerSecond: > 1e8, FlopsPerSecond: > 1e8 });
        CopyRate[] cached = [.. bench.Ceilings.Cached];
        Assert.Equal(cached.OrderBy(each => each.Bytes), cached);
        Assert.Equal(cached.OrderByDescending(each => each.BytesPerSecond), cached);
        Assert.All(cached, each => Assert.True(each.BytesPerSecond > bench.Ceilings.BytesPerSecond));
    }
}
