using TrigFlowNative.Benchmarks.Timing;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Intervals of medians by hand, and how often they hold the true median.</summary>
public class MedianIntervalTests
{
    [Theory]
    [InlineData("3 1 2", 1, 3)]
    [InlineData("4 1 3 2", 1, 4)]
    [InlineData("5 1 4 2 3", 1, 4)] // one in five is left out above
    [InlineData("10 9 8 7 6 5 4 3 2 1", 2, 8)] // and one in ten below
    public void An_interval_is_one_of_order_statistics(string rounds, double low, double high)
    {
        MedianInterval interval = MedianInterval.Of(MedianInterval.Parse(rounds))!;
        Assert.Equal((low, high), (interval.Low, interval.High));
    }

    [Fact]
    public void Fewer_than_three_rounds_have_none() => Assert.Null(MedianInterval.Of([1, 2]));

    [Fact]
    public void One_disturbed_process_in_five_does_not_widen_it()
    {
        MedianInterval quiet = MedianInterval.Of([100, 101, 102, 103, 104])!, disturbed = MedianInterval.Of([100, 101, 102, 103, 300])!;
        Assert.Equal((quiet.Low, quiet.High), (disturbed.Low, disturbed.High));
        Assert.Equal(1.4826 / 102, disturbed.Spread, 6);
    }

    [Fact]
    public void The_spread_of_normal_rounds_is_their_deviation()
    {
        var random = new Random(1);
        double[] rounds = [.. Enumerable.Range(0, 4000).Select(_ => 100 + 3 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
        Assert.Equal(0.03, MedianInterval.Of(rounds)!.Spread, 2e-3);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("1.5 2e3 7", 3)]
    [InlineData("1 two 3", 0)]
    [InlineData("1 -2 3", 0)]
    [InlineData("1 0 3", 0)]
    [InlineData("1 NaN 3", 0)]
    public void Fields_hold_positive_numbers_or_nothing(string field, int count) => Assert.Equal(count, MedianInterval.Parse(field).Count);

    [Fact]
    public void A_field_keeps_six_digits() => Assert.Equal([12345.7, 0.123457], MedianInterval.Parse(MedianInterval.Format([12345.678, 0.1234567])));
}
