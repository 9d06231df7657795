using System.Diagnostics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// Times work as a long run has it: repeated without a pause and without waiting for the device between runs, first for some seconds to load the card, then
/// for some seconds that count.
/// </summary>
/// <param name="device">The device on which the work runs.</param>
/// <param name="options">Durations.</param>
internal sealed class SustainedClock(ComputeDevice device, SustainOptions options)
{
    private readonly GpuMonitor? monitor = device is GpuDevice { IsCuda: true } gpu ? GpuMonitor.Of(gpu) : null;

    /// <summary>Runs the work until both durations have passed, at least once in each; the device is waited for before and after those that count.</summary>
    /// <param name="run">Does the work once, given the number of the run; need not wait for the device.</param>
    /// <param name="first">Number of the first run.</param>
    public SustainedTime Measure(Action<int> run, int first = 0)
    {
        int next = Repeat(run, first, options.WarmSeconds);
        device.Synchronize();
        LoadLog? log = monitor is null ? null : LoadLog.Start(monitor.Sample, monitor.Joules);
        LoadReading load = LoadReading.Unknown;
        long start = Stopwatch.GetTimestamp();
        double seconds;
        int end;
        try
        {
            end = Repeat(run, next, options.Seconds);
            device.Synchronize();
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        finally
        {
            load = log?.Stop() ?? load;
        }

        return new SustainedTime(seconds / (end - next), end - next) { Load = load };
    }

    /// <summary>Runs the work for some seconds by the host's clock; returns the number of the next run.</summary>
    private static int Repeat(Action<int> run, int next, double seconds)
    {
        long start = Stopwatch.GetTimestamp();
        do
            run(next++);
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);
        return next;
    }
}
