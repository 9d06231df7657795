using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>step: a full training step, optimizer and average included.</summary>
internal static class StepCommand
{
    private static readonly Option<int> Steps = new("--steps")
    {
        Description = "Steps to time, after a warm-up; 1 for the time from the process's start to the end of the first step alone.",
        DefaultValueFactory = _ => 20,
    };

    private static readonly StepArguments Arguments = new();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("step", "Times full training steps, optimizer and average included.") { Steps, Out };
        Arguments.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        StepOptions options = Arguments.Options(parsed);
        using ComputeDevice device = Arguments.Open(parsed);
        using TrainingStep step = options.Create(device, out TrigFlowModel? teacher);
        float[] images = options.Images();
        string name = $"step {options.Objective.ToString().ToLowerInvariant()}";
        WorkRow row = WorkClock.Measure(
            device, name, Arguments.Variant(parsed), options.Batch, parsed.GetValue(Steps), i => step.Run(images, [], i));
        TrainingStatistics statistics = step.FetchStatistics();
        teacher?.Dispose();
        if (parsed.GetValue(Out) is { } folder)
            CsvTable.Write(Path.Combine(folder, $"{name.Replace(' ', '-')}-{row.Variant}.csv"), [row]);
        Console.WriteLine(device.Description);
        Console.WriteLine(WorkRow.Table([row]));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"loss {statistics.Loss:G5}, {statistics.Taken} steps taken, {statistics.Skipped} skipped"));
        return statistics.Skipped == 0 ? 0 : Verbs.BadResult;
    }
}
