using System.Diagnostics;
using Perfolizer.Horology;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>The host's clock, read when the device has ended what it was given: the device's work counts, and what it overlaps of the host's.</summary>
internal sealed class DeviceWaitingClock(ComputeDevice device) : IClock
{
    public string Title => $"host, {device.Name} waited for";

    public bool IsAvailable => true;

    public Frequency Frequency => new(Stopwatch.Frequency);

    public long GetTimestamp()
    {
        device.Synchronize();
        return Stopwatch.GetTimestamp();
    }
}
