using System.Diagnostics;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>How long each recorded step takes within the whole, its operands in cache or not as they are in a run.</summary>
internal static class StepTimes
{
    private const int Passes = 5;

    /// <summary>Medians over passes through the steps, in seconds. A step that is shorter than its launch counts as long as that.</summary>
    public static IReadOnlyList<(ProgramStep Step, double Seconds)> Measure(ComputeDevice device, IReadOnlyList<ProgramStep> steps)
    {
        double[][] passes = [.. Enumerable.Range(0, Passes).Select(_ => device is GpuDevice { IsCuda: true } gpu ? OnGpu(gpu, steps) : OnHost(device, steps))];
        return [.. steps.Select((step, i) => (step, Duration.Of(passes.Select(pass => pass[i])).Median))];
    }

    private static double[] OnGpu(GpuDevice gpu, IReadOnlyList<ProgramStep> steps)
    {
        CudaTimer[] timers = [.. steps.Select(_ => new CudaTimer(gpu))];
        foreach ((ProgramStep step, CudaTimer timer) in steps.Zip(timers))
        {
            timer.Start();
            step.Run();
            timer.Stop();
        }

        double[] seconds = [.. timers.Select(timer => timer.Seconds())];
        foreach (CudaTimer timer in timers)
            timer.Dispose();
        return seconds;
    }

    private static double[] OnHost(ComputeDevice device, IReadOnlyList<ProgramStep> steps) =>
    [
        .. steps.Select(step =>
        {
            long start = Stopwatch.GetTimestamp();
            step.Run();
            device.Synchronize();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }),
    ];
}
