using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>timeline: where the time of a training step goes, by op and by layer.</summary>
internal static class TimelineCommand
{
    private const int WarmUp = 3, Repetitions = 5;
    private static readonly StepArguments Arguments = new();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("timeline", "Says where the time of a training step goes, by op and by layer.") { Out };
        Arguments.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        StepOptions options = Arguments.Options(parsed);
        using ComputeDevice device = Arguments.Open(parsed);
        Ceilings ceilings;
        using (DeviceClock clock = DeviceClock.Of(device))
            ceilings = Ceilings.Measure(device, clock, options.Precision.StorageOn(device));
        using TrainingStep step = options.Create(device, out TrigFlowModel? teacher);
        float[] images = options.Images();
        for (int i = 0; i < WarmUp; i++)
            step.Run(images, [], i);
        device.Synchronize();
        IReadOnlyList<TimelineRow> rows = TimelineRow.Of(StepTime.Measure(device, step.ProgramSteps, Repetitions), ceilings);
        teacher?.Dispose();
        if (parsed.GetValue(Out) is { } folder)
            CsvTable.Write(Path.Combine(folder, "timeline.csv"), rows);
        Console.WriteLine(device.Description);
        Console.WriteLine(TimelineRow.Table(rows, "op", row => row.Op));
        Console.WriteLine(TimelineRow.Table(rows, "block", row => string.Join('.', row.Layer.Split('.').Take(2))));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows.Count} launches, {rows.Sum(row => row.Microseconds) / 1e3:F2} ms in all"));
        return 0;
    }
}
