using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Report;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Planted changes are found, noise is not, and only a slow-down beyond the tolerance is a regression.</summary>
public class ComparisonTests
{
    [Theory]
    [InlineData(106, 1, true, true)] // 6 % slower, and clear of the noise
    [InlineData(104, 1, true, false)] // slower, but tolerated
    [InlineData(80, 1, true, false)] // faster
    [InlineData(106, 20, false, false)] // within the noise of both
    [InlineData(100, 1, false, false)]
    public void A_change_counts_beyond_the_noise(double now, double spread, bool changed, bool regression)
    {
        var comparison = new Comparison([Row(100, spread)], [Row(now, spread)]);
        Assert.Equal((1, changed ? 1 : 0, regression), (comparison.Compared, comparison.Changes.Count(), comparison.HasRegression));
        Assert.Equal(regression, comparison.Report().Contains("REGRESSION", StringComparison.Ordinal));
    }

    [Fact]
    public void A_median_outside_of_one_runs_noise_alone_is_no_change() =>
        Assert.Empty(new Comparison([Row(100, 1)], [Row(110, 15)]).Changes);

    [Fact]
    public void A_row_that_is_no_longer_right_is_a_regression()
    {
        var comparison = new Comparison([Row(100, 1)], [Row(100, 1) with { Verdict = BenchmarkRow.Wrong, Microseconds = null }]);
        Assert.True(comparison.HasRegression);
        Assert.Contains("REGRESSION: WRONG", comparison.Report(), StringComparison.Ordinal);
        Assert.False(new Comparison([Row(100, 1) with { Verdict = BenchmarkRow.Failed, Microseconds = null }], [Row(100, 1)]).HasRegression);
    }

    [Fact]
    public void Rows_are_the_same_only_on_the_same_path()
    {
        var comparison = new Comparison([Row(100, 1), Row(50, 1) with { Path = "mma" }], [Row(200, 1) with { Path = "mma" }, Row(1, 1) with { Shape = "other" }]);
        Assert.Equal((1, 1, 1), (comparison.Compared, comparison.Added, comparison.Missing));
        Assert.Equal(4, Assert.Single(comparison.Changes).Ratio);
    }

    [Fact]
    public void The_worst_comes_first()
    {
        BenchmarkRow[] before = [.. "abc".Select(name => Row(100, 1) with { Shape = $"{name}" })];
        BenchmarkRow[] now = [before[0] with { Microseconds = 120, Low = 119, High = 121 }, before[1] with { Microseconds = 50, Low = 49, High = 51 }, before[2] with { Microseconds = 300, Low = 299, High = 301 }];
        Assert.Equal(["c", "a", "b"], new Comparison(before, now).Changes.Select(change => change.Newer.Shape));
    }

    private static BenchmarkRow Row(double microseconds, double spread) => new()
    {
        Op = "gemm",
        Direction = "forward",
        Shape = "1x1x1",
        Type = "bf16",
        Path = "wgmma",
        Microseconds = microseconds,
        Low = microseconds - spread,
        High = microseconds + spread,
        Verdict = BenchmarkRow.Right,
    };
}
