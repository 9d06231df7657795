using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Rates, bounds and ratios that follow from a row's time.</summary>
public class BenchmarkRowTests
{
    [Fact]
    public void Times_give_rates_bounds_and_ratios()
    {
        var each = ProductCase.Gemm(1000, 1000, 1000, DType.BFloat16, Direction.Forward);
        BenchmarkRow row = BenchmarkRow.Of(each, TestDevices.Get("cpu"), "wgmma").WithTimes(new Duration(5e-6, 4e-6, 6e-6, 20), new Ceilings(4e12, 8e14)).WithPeer("cublas", 4);
        Assert.Equal(("arithmetic", 4.0, 800.0, "cublas"), (row.BoundBy, row.CopyTbps, row.BestTflops, row.Peer));
        Assert.Equal(400, row.Tflops!.Value, 9); // 2e9 operations in 5 us
        Assert.Equal(1.2, row.Tbps!.Value, 9); // 6e6 bytes in 5 us
        Assert.Equal(2.5, row.BoundMicroseconds!.Value, 9);
        Assert.Equal(50, row.BoundPercent!.Value, 9);
        Assert.Equal(0.8, row.Ratio!.Value, 9);
    }
}
