using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Timing;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>One table of several rounds.</summary>
public class RoundTableTests
{
    [Fact]
    public void Times_become_medians_with_their_interval_and_rates_follow()
    {
        BenchmarkRow merged = Assert.Single(RoundTable.Merge([Row(10)], [Row(40)], [Row(20)]));
        Assert.Equal((20.0, 10.0, 40.0, "10 40 20"), (merged.Microseconds, merged.IntervalLow, merged.IntervalHigh, merged.Rounds));
        Assert.Equal((5.0, 80.0, 60), (merged.Low, merged.High, merged.Repetitions)); // the widest p5 to p95
        Assert.Equal(0.1, merged.Tflops!.Value, 9); // 2e6 operations in 20 us
        Assert.Equal(0.5, merged.Tbps!.Value, 9);
        Assert.Equal(50, merged.ImagesPerSecond!.Value, 9);
        Assert.Equal(25, merged.BoundPercent!.Value, 9);
    }

    [Fact]
    public void Rounds_of_a_merged_table_count_each()
    {
        BenchmarkRow[] first = RoundTable.Merge([Row(10)], [Row(12)], [Row(11)]);
        BenchmarkRow merged = Assert.Single(RoundTable.Merge(first, [Row(20)], [Row(21)]));
        Assert.Equal([10, 12, 11, 20, 21], MedianInterval.Parse(merged.Rounds));
        Assert.Equal(12, merged.Microseconds);
    }

    [Fact]
    public void Times_under_load_become_medians_too()
    {
        BenchmarkRow Loaded(double time, double joules) => Row(10) with { SustainedMicroseconds = time, JoulesPerImage = joules, SustainedImagesPerSecond = 1000 / time };
        BenchmarkRow merged = Assert.Single(RoundTable.Merge([Loaded(20, 3) with { PeerMicroseconds = 30, PeerSustainedMicroseconds = 50 }], [Loaded(50, 1)], [Loaded(25, 2)]));
        Assert.Equal((25.0, 2.0, 40.0, 0.08, 2.0), (merged.SustainedMicroseconds, merged.JoulesPerImage, merged.SustainedImagesPerSecond, Math.Round(merged.SustainedTflops!.Value, 9), merged.SustainedRatio));
    }

    [Theory]
    [InlineData(BenchmarkRow.Wrong)]
    [InlineData(BenchmarkRow.Failed)]
    public void A_row_that_is_wrong_once_is_wrong(string verdict) =>
        Assert.Equal(verdict, Assert.Single(RoundTable.Merge([Row(10)], [Row(10) with { Verdict = verdict, Microseconds = null }], [Row(10)])).Verdict);

    [Fact]
    public void Rows_keep_their_order_and_peers_their_single_round()
    {
        BenchmarkRow peer = Row(5) with { Path = "cublas 12" }, ours = Row(10) with { Peer = "cublas 12", PeerMicroseconds = 5, Ratio = 0.5 };
        BenchmarkRow[] rows = RoundTable.Merge([ours, Row(7) with { Shape = "b" }, peer], [Row(20), Row(9) with { Shape = "b" }], [Row(20), Row(8) with { Shape = "b" }]);
        Assert.Equal([("a", "cpu"), ("b", "cpu"), ("a", "cublas 12")], rows.Select(row => (row.Shape, row.Path)));
        Assert.Equal((0.25, "cublas 12", 5.0), (rows[0].Ratio, rows[0].Peer, rows[2].Microseconds));
        Assert.Empty(rows[2].Rounds);
    }

    private static BenchmarkRow Row(double time) => new()
    {
        Op = "gemm",
        Shape = "a",
        Path = "cpu",
        Clock = "benchmarkdotnet",
        Verdict = BenchmarkRow.Right,
        Microseconds = time,
        Low = time / 2,
        High = 2 * time,
        Repetitions = 20,
        Flops = 2e6,
        Bytes = 1e7,
        Tflops = 2 / time,
        Tbps = 10 / time,
        ImagesPerSecond = 1000 / time,
        BoundMicroseconds = 5,
        BoundPercent = 500 / time,
    };
}
