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

/// <summary>The host's clock, for the host itself and for the simulator, where a single run can take seconds.</summary>
internal sealed class HostClock(ComputeDevice device) : DeviceClock
{
    private const int FewestSlowRepetitions = 3;

    public override Duration Measure(Action work)
    {
        work();
        device.Synchronize();
        var seconds = new List<double>();
        var total = Stopwatch.StartNew();
        while (seconds.Count < FewestSlowRepetitions || (seconds.Count < FewestRepetitions && total.Elapsed.TotalSeconds < EnoughSeconds))
        {
            long start = Stopwatch.GetTimestamp();
            work();
            device.Synchronize();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return Duration.Of(seconds);
    }

    protected override void Dispose(bool disposing)
    {
    }
}
