using System.Diagnostics;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>Times whole steps and samples by the host's clock, the device's work and the host's both counted, as a user waits for them.</summary>
internal static class WorkClock
{
    private const int WarmUp = 3; // the first run loads kernels, the second captures a graph

    /// <summary>Runs the work, once for the time from the process's start, and then, if more runs are wanted, for its duration.</summary>
    /// <param name="device">What the work runs on.</param>
    /// <param name="name">Name of the work, for the row.</param>
    /// <param name="variant">Variant, for the row.</param>
    /// <param name="images">Images done by a run.</param>
    /// <param name="runs">Runs in all to be timed; at most 1 for none but the first.</param>
    /// <param name="work">Gets the number of the run, from 0.</param>
    public static WorkRow Measure(ComputeDevice device, string name, string variant, int images, int runs, Action<int> work)
    {
        int run = 0;
        Once();
        using var self = Process.GetCurrentProcess();
        var row = new WorkRow
        {
            Work = name,
            Variant = variant,
            Batch = images,
            ReadySeconds = (DateTime.Now - self.StartTime).TotalSeconds,
            PeakGib = device.AllocatedBytes / (double)(1L << 30),
            Device = device.Description,
        };
        if (runs <= 1)
            return row;
        while (run < WarmUp)
            Once();
        double[] seconds = new double[runs];
        for (int i = 0; i < runs; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Once();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        var time = Duration.Of(seconds);
        return row with
        {
            Milliseconds = 1e3 * time.Median,
            Low = 1e3 * time.Low,
            High = 1e3 * time.High,
            ImagesPerSecond = images / time.Median,
            PeakGib = device.AllocatedBytes / (double)(1L << 30),
        };

        void Once()
        {
            work(run++);
            device.Synchronize();
        }
    }
}
