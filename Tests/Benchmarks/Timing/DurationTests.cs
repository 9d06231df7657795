using TrigFlowNative.Benchmarks.Timing;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

public class DurationTests
{
    [Fact]
    public void Percentiles_of_hand_worked_examples()
    {
        double[] five = [1, 2, 3, 4, 100];
        Assert.Equal(3, Duration.Percentile(five, 0.5));
        Assert.Equal(1.2, Duration.Percentile(five, 0.05), 12); // 0.2 of the way from the first to the second
        Assert.Equal(80.8, Duration.Percentile(five, 0.95), 12); // 0.8 of the way from the fourth to the fifth
        Assert.Equal(2.5, Duration.Percentile([1, 2, 3, 4], 0.5));
        Assert.Equal(7, Duration.Percentile([7], 0.95));
        Assert.Throws<ArgumentException>(() => Duration.Percentile([], 0.5));
    }

    [Fact]
    public void A_duration_does_not_depend_on_the_order_of_the_runs()
    {
        var time = Duration.Of([3.0, 100, 1, 4, 2]);
        Assert.Equal((3.0, 5), (time.Median, time.Repetitions));
        Assert.Equal(1.2, time.Low, 12);
        Assert.Equal(80.8, time.High, 12);
    }

    [Fact]
    public void Work_that_is_shorter_than_the_clocks_tick_has_a_time()
    {
        int runs = 0;
        Duration time = new HostClock(TestDevices.Get("cpu")).Measure(() => runs++);
        Assert.InRange(time.Median, 1e-11, 1e-6);
        Assert.True(runs > 1000, $"{runs} runs");
        Duration slow = new HostClock(TestDevices.Get("cpu")).Measure(() => Thread.Sleep(5));
        Assert.InRange(slow.Median, 5e-3, 0.1);
    }
}
