using System.Diagnostics;
using Perfolizer.Horology;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>The host's clock, read after the device has finished, so that a span covers the work of device and host, whether they overlap or not.</summary>
internal sealed class DeviceWaitingClock(ComputeDevice device) : IClock
{
    public string Title => $"host, waiting for {device.Name}";

    public bool IsAvailable => true;

    public Frequency Frequency => new(Stopwatch.Frequency);

    public long GetTimestamp()
    {
        device.Synchronize();
        return Stopwatch.GetTimestamp();
    }
}
