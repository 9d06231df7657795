using TrigFlowNative.Benchmarks.Timing;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Means and energy over a span, from samples and a counter.</summary>
public class LoadLogTests
{
    [Fact]
    public void The_card_s_counter_gives_energy_and_power()
    {
        LoadReading read = LoadLog.Read([(0, State(1900, 500)), (1, State(1500, 700))], seconds: 10, counted: 6500);
        Assert.Equal((1700.0, 650.0, 6500.0), (read.Megahertz, read.Watts, read.Joules));
    }

    /// <summary>Each sample counts until halfway to its neighbours: 100 W for 0.5 s, 300 W for 2 s, 500 W for 2.5 s.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(0.0)] // a counter that stands still counts nothing
    public void Without_a_counter_the_sampled_power_is_integrated(double? counted)
    {
        LoadReading read = LoadLog.Read([(0, State(1000, 100)), (1, State(1000, 300)), (4, State(1000, 500))], seconds: 5, counted);
        Assert.Equal(1900, read.Joules!.Value, 9);
        Assert.Equal(380, read.Watts!.Value, 9);
    }

    [Fact]
    public void What_a_card_does_not_tell_is_unknown()
    {
        Assert.Equal(LoadReading.Unknown, LoadLog.Read([], 10, null));
        LoadReading read = LoadLog.Read([(0, State(1000, null)), (1, State(1200, 500))], 10, null);
        Assert.Equal((1100.0, null, null), (read.Megahertz, read.Watts, read.Joules));
        Assert.Equal(7.0, LoadLog.Read([], 10, 70).Watts);
    }

    [Fact]
    public void Temperature_is_the_highest_and_each_reason_is_said_once()
    {
        LoadReading read = LoadLog.Read([(0, new GpuState(1, 40, "power cap")), (1, new GpuState(1, 70, "power cap + hardware thermal")), (2, new GpuState(1, 60, ""))], 3, null);
        Assert.Equal((70, "power cap + hardware thermal"), (read.Temperature, read.Throttled));
    }

    [Fact]
    public void A_card_is_watched_from_start_to_stop()
    {
        double counter = 100;
        int read = 0;
        var log = LoadLog.Start(() => { Interlocked.Increment(ref read); return State(1400, 300); }, () => counter);
        while (Volatile.Read(ref read) < 3)
            Thread.Sleep(1);
        counter = 130;
        LoadReading load = log.Stop();
        Assert.Equal((1400.0, 30.0), (load.Megahertz, Math.Round(load.Joules!.Value, 6)));
        int last = Volatile.Read(ref read);
        Thread.Sleep(250);
        Assert.Equal(last, Volatile.Read(ref read));
    }

    private static GpuState State(int megahertz, double? watts) => new(megahertz, 50, "") { Watts = watts };
}
