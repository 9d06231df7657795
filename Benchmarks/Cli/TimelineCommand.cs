using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>timeline: where the time of a training step, or of sampling, goes: by op, by layer and by launch.</summary>
internal static class TimelineCommand
{
    private const int WarmUp = 3, Slowest = 30;

    /// <summary>Times that each launch is measured: a sample's are short, so that more are needed and cost less.</summary>
    private const int StepRepetitions = 5, SampleRepetitions = 25;

    private static readonly Option<string> Work = Verbs.Choice(
        "--work", "What is taken apart: a training step, or two-step sampling.", "step", "step", "sample");

    private static readonly Option<int> Count = new("--count") { Description = "Images drawn at a time, where sampling is taken apart.", DefaultValueFactory = _ => 1 };
    private static readonly StepArguments Arguments = new();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("timeline", "Says where the time of a training step or of sampling goes, by op, by layer and by launch.") { Work, Count, Out };
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
            ceilings = Ceilings.Measure(device, clock, options.Precision.StorageOn(device));
        bool sampling = parsed.GetValue(Work) == "sample";
        IReadOnlyList<TimelineRow> rows = TimelineRow.Of(sampling ? MeasureSample(device, options, count) : MeasureStep(device, options), ceilings);
        if (parsed.GetValue(Out) is { } folder)
            CsvTable.Write(Path.Combine(folder, sampling ? $"timeline-sample-{count}.csv" : "timeline.csv"), rows);
        Console.WriteLine(device.Description);
        Console.WriteLine(TimelineRow.Table(rows, "op", row => row.Op));
        Console.WriteLine(TimelineRow.Table(rows, "block", row => string.Join('.', row.Layer.Split('.').Take(2))));
        Console.WriteLine(TimelineRow.Table(
            rows.OrderByDescending(row => row.Microseconds).Take(Slowest), "slowest launches", row => $"{row.Index}: {row.Op} {row.Layer} {row.Shape}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows.Count} launches, {rows.Sum(row => row.Microseconds) / 1e3:F2} ms in all"));
        return 0;
    }

    private static IReadOnlyList<StepTime> MeasureStep(ComputeDevice device, StepOptions options)
    {
        using TrainingStep step = options.Create(device, out TrigFlowModel? teacher);
        using (teacher)
        {
            float[] images = options.Images();
            for (int i = 0; i < WarmUp; i++)
                step.Run(images, [], i);
            device.Synchronize();
            return StepTime.Measure(device, step.ProgramSteps, StepRepetitions);
        }
    }

    private static IReadOnlyList<StepTime> MeasureSample(ComputeDevice device, StepOptions options, int count)
    {
        using TrigFlowModel model = options.CreateModel(device);
        using var sampler = new ConsistencySampler(model, batch: count);
        for (int i = 0; i < WarmUp; i++)
            sampler.Sample(count, (ulong)i);
        return StepTime.Measure(device, sampler.ProgramSteps, SampleRepetitions);
    }
}
