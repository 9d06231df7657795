using System.Diagnostics;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>Time that one step of a program takes.</summary>
/// <param name="Step">The step, with its op and layer.</param>
/// <param name="Seconds">Median time in seconds over the repetitions.</param>
public sealed record StepTime(ProgramStep Step, double Seconds)
{
    /// <summary>
    /// Measures every step of a program that has run before. On an NVIDIA GPU the device's clock measures inside of a graph, so that no
    /// step waits for the host; a mark between two steps adds about a microsecond, and steps never overlap. Elsewhere the host's clock measures.
    /// </summary>
    internal static IReadOnlyList<StepTime> Measure(ComputeDevice device, IReadOnlyList<ProgramStep> steps, int repetitions)
    {
        double[][] seconds = [.. steps.Select(_ => new double[repetitions])];
        if (device is GpuDevice { IsCuda: true } gpu)
            MeasureByMarks(gpu, steps, seconds, repetitions);
        else
            MeasureByHost(device, steps, seconds, repetitions);
        return [.. steps.Zip(seconds, (step, each) => new StepTime(step, Median(each)))];
    }

    /// <summary>Measured seconds of an empty step, which are part of every step's time.</summary>
    internal static double EmptyStepSeconds(ComputeDevice device)
    {
        const int steps = 20, repetitions = 5;
        ProgramStep[] nothing = [.. Enumerable.Range(0, steps).Select(i => new ProgramStep(i, "nothing", "", [], [], () => { }))];
        double[] seconds = [.. Measure(device, nothing, repetitions).Select(step => step.Seconds)];
        return Median(seconds);
    }

    private static void MeasureByMarks(GpuDevice gpu, IReadOnlyList<ProgramStep> steps, double[][] seconds, int repetitions)
    {
        using var marks = new CudaMarks(gpu.DriverStream, steps.Count + 1);
        using var graph = new CudaGraph(gpu.DriverStream, () =>
        {
            marks.Capture(0);
            for (int i = 0; i < steps.Count; i++)
            {
                ProgramReplay.Capture(gpu, steps[i]);
                marks.Capture(i + 1);
            }
        });
        for (int repetition = 0; repetition < repetitions; repetition++)
        {
            graph.Launch();
            gpu.Synchronize();
            for (int i = 0; i < steps.Count; i++)
                seconds[i][repetition] = marks.Seconds(i, i + 1);
        }
    }

    private static void MeasureByHost(ComputeDevice device, IReadOnlyList<ProgramStep> steps, double[][] seconds, int repetitions)
    {
        for (int repetition = 0; repetition < repetitions; repetition++)
        {
            for (int i = 0; i < steps.Count; i++)
            {
                long start = Stopwatch.GetTimestamp();
                steps[i].Run();
                device.Synchronize();
                seconds[i][repetition] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        int half = values.Length / 2;
        return values.Length % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
    }
}
