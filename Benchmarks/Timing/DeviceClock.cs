using System.Diagnostics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>Measures how long a device works on what an action launches, with cold caches on an NVIDIA GPU.</summary>
internal abstract class DeviceClock : IDisposable
{
    /// <summary>Repetitions of a short action, however soon <see cref="EnoughSeconds"/> have passed.</summary>
    protected const int MinRepetitions = 20;

    /// <summary>Seconds of measuring after which no further repetition is begun.</summary>
    protected const double EnoughSeconds = 0.3;

    /// <summary>The clock of a device: events on an NVIDIA GPU, the host's clock elsewhere.</summary>
    public static DeviceClock Of(ComputeDevice device) => device is GpuDevice { IsCuda: true } gpu ? new CudaClock(gpu) : new HostClock(device);

    /// <summary>Runs the action once to warm up, then repeatedly. The action launches on the device's stream and need not wait.</summary>
    public abstract Duration Measure(Action work);

    public abstract void Dispose();
}

/// <summary>The host's clock, for the cpu device and for the simulator, where one run can take seconds. Short runs are timed many at a time.</summary>
internal sealed class HostClock(ComputeDevice device) : DeviceClock
{
    private const int MinSlowRepetitions = 3, MaxAtATime = 1 << 16;

    /// <summary>A timed span is at least as long: reading the clock costs tens of nanoseconds, and its tick may be as long.</summary>
    private const double MinSeconds = 20e-6;

    public override Duration Measure(Action work)
    {
        Run(work, 1);
        int atATime = 1;
        while (atATime < MaxAtATime && Run(work, atATime) < MinSeconds)
            atATime *= 2;
        var seconds = new List<double>();
        var total = Stopwatch.StartNew();
        while (seconds.Count < MinSlowRepetitions || (seconds.Count < MinRepetitions && total.Elapsed.TotalSeconds < EnoughSeconds))
            seconds.Add(Run(work, atATime) / atATime);
        return Duration.Of(seconds);
    }

    public override void Dispose()
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
