using System.Diagnostics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>Measures how long a device takes for what an action launches, each time with cold caches where the device allows it.</summary>
internal abstract class DeviceClock : IDisposable
{
    /// <summary>Repetitions at least, and the time after which there are enough.</summary>
    protected const int FewestRepetitions = 20;

    protected const double EnoughSeconds = 0.3;

    /// <summary>The clock that fits a device: events on an NVIDIA GPU, else the host's.</summary>
    public static DeviceClock Of(ComputeDevice device) => device is GpuDevice { IsCuda: true } gpu ? new CudaClock(gpu) : new HostClock(device);

    /// <summary>Warms up, then runs the action again and again; the action launches on the device's stream and need not wait.</summary>
    public abstract Duration Measure(Action work);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>The host's clock, for the host itself and for the simulator, where a single run can take seconds; of short runs it times many at a time.</summary>
internal sealed class HostClock(ComputeDevice device) : DeviceClock
{
    private const int FewestSlowRepetitions = 3, MostAtATime = 1 << 16;

    /// <summary>A look at the clock costs some tens of nanoseconds, and it may not move for as long.</summary>
    private const double ShortestSeconds = 20e-6;

    public override Duration Measure(Action work)
    {
        Run(work, 1);
        int atATime = 1;
        while (atATime < MostAtATime && Run(work, atATime) < ShortestSeconds)
            atATime *= 2;
        var seconds = new List<double>();
        var total = Stopwatch.StartNew();
        while (seconds.Count < FewestSlowRepetitions || (seconds.Count < FewestRepetitions && total.Elapsed.TotalSeconds < EnoughSeconds))
            seconds.Add(Run(work, atATime) / atATime);
        return Duration.Of(seconds);
    }

    protected override void Dispose(bool disposing)
    {
    }

    private double Run(Action work, int times)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < times; i++)
            work();
        device.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
