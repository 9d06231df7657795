using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>trace: times every launch of a training step or of sampling, and prints sums by op, by block and by launch; writes a file for Perfetto.</summary>
internal static class TraceCommand
{
    private const int WarmUp = 3, Slowest = 30;

    /// <summary>Repetitions of each launch; sampling has short launches, which need more repetitions and take less time.</summary>
    private const int StepRepetitions = 5, SampleRepetitions = 25;

    private static readonly Option<string> Work = Verbs.Choice(
        "--work", "Work to trace: a training step, or sampling in two steps.", "step", "step", "sample");

    private static readonly Option<int> Count = new("--count") { Description = "Images that are drawn at a time, for --work sample.", DefaultValueFactory = _ => 1 };
    private static readonly StepArguments Arguments = new();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("trace", "Times every launch of a training step or of sampling; prints tables and, with --out, writes a trace for Perfetto.") { Work, Count, Out };
        Arguments.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        int count = parsed.GetValue(Count);
        if (count < 1)
            throw new UsageException("--count is at least 1");
        StepOptions options = Arguments.Options(parsed);
        using ComputeDevice device = Arguments.Open(parsed);
        Ceilings ceilings;
        using (DeviceClock clock = DeviceClock.Of(device))
            ceilings = Ceilings.Measure(device, clock, options.Precision.ActivationsOn(device));
        bool sampling = parsed.GetValue(Work) == "sample";
        IReadOnlyList<TimelineRow> rows = sampling ? TraceSample(device, options, count, ceilings) : TraceStep(device, options, ceilings);
        double mark = 1e6 * StepTime.EmptyStepSeconds(device);
        if (parsed.GetValue(Out) is { } folder)
        {
            string name = sampling ? $"sample-{count}" : "step";
            CsvTable.Write(Path.Combine(folder, sampling ? $"timeline-{name}.csv" : "timeline.csv"), rows);
            TraceFile.Write(Path.Combine(folder, $"trace-{name}.json"), $"{options.Preset}, {(sampling ? $"{count} images in two steps" : $"a {options.Objective} step of {options.Batch}")}, {device.Description}", rows, mark);
        }

        Console.WriteLine(device.Description);
        Console.WriteLine(TimelineRow.Table(rows, "op", row => row.Op));
        Console.WriteLine(TimelineRow.Table(rows, "block", row => row.Block));
        Console.WriteLine(TimelineRow.Table(
            rows.OrderByDescending(row => row.Microseconds).Take(Slowest), "slowest launches", row => $"{row.Index}: {row.Op} {row.Layer} {row.Shape}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{rows.Count} launches, {rows.Sum(row => row.Microseconds) / 1e3:F2} ms in all; two marks without a launch between them: {mark:F2} us"));
        return 0;
    }

    private static IReadOnlyList<TimelineRow> TraceStep(ComputeDevice device, StepOptions options, Ceilings ceilings)
    {
        using TrainingStep step = options.Create(device, out TrigFlowModel? teacher);
        using (teacher)
        {
            float[] images = options.Images();
            int[] labels = options.Labels();
            for (int i = 0; i < WarmUp; i++)
                step.Run(images, labels, i);
            return Trace(device, step.ProgramSteps, StepRepetitions, ceilings);
        }
    }

    private static IReadOnlyList<TimelineRow> TraceSample(ComputeDevice device, StepOptions options, int count, Ceilings ceilings)
    {
        using TrigFlowModel model = RandomModel.Create(device, options.Preset, options.Precision);
        using var sampler = new ConsistencySampler(model, batch: count);
        for (int i = 0; i < WarmUp; i++)
            sampler.Sample(count, (ulong)i, PresetNetwork.Labels(model.Network.Config, count));
        return Trace(device, sampler.ProgramSteps, SampleRepetitions, ceilings);
    }

    private static IReadOnlyList<TimelineRow> Trace(ComputeDevice device, IReadOnlyList<ProgramStep> steps, int repetitions, Ceilings ceilings)
    {
        device.Synchronize();
        var kernels = steps.ToDictionary(step => step, step => string.Join(" + ", KernelUse.Of(device, step.Run)?.Names ?? []));
        device.Synchronize();
        return TimelineRow.Of(StepTime.Measure(device, steps, repetitions), ceilings, kernels);
    }
}
