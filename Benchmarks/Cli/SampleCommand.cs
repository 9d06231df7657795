using System.CommandLine;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>sample: two-step sampling, from the seed to pixels in host memory.</summary>
internal static class SampleCommand
{
    private static readonly Option<int> Count = new("--count") { Description = "Images drawn at a time.", DefaultValueFactory = _ => 512 };
    private static readonly Option<int> Evaluations = new("--evaluations")
    {
        Description = "Evaluations of the network for each image.",
        DefaultValueFactory = _ => 2,
    };

    private static readonly Option<int> Runs = new("--runs") { Description = "Calls to time, after a warm-up.", DefaultValueFactory = _ => 20 };
    private static readonly StepArguments Arguments = new();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("sample", "Times sampling, from the seed to pixels in host memory.") { Count, Evaluations, Runs, Out };
        Arguments.AddTo(command, training: false);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        int count = parsed.GetValue(Count), evaluations = parsed.GetValue(Evaluations);
        if (count < 1 || evaluations < 1)
            throw new UsageException("--count and --evaluations are at least 1");
        using ComputeDevice device = Arguments.Open(parsed);
        using TrigFlowModel model = Arguments.Options(parsed).CreateModel(device);
        using var sampler = new ConsistencySampler(model, ConsistencySampler.DefaultTimes(evaluations, model.SigmaData), count);
        WorkRow row = WorkClock.Measure(
            device, $"sample {evaluations}-step", Arguments.Variant(parsed), count, parsed.GetValue(Runs), i => sampler.Sample(count, (ulong)i));
        if (parsed.GetValue(Out) is { } folder)
            CsvTable.Write(Path.Combine(folder, $"sample-{count}-{row.Variant}.csv"), [row]);
        Console.WriteLine(device.Description);
        Console.WriteLine(WorkRow.Table([row]));
        return 0;
    }
}
