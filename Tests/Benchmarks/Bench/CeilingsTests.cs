using TrigFlowNative.Benchmarks;
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
}
