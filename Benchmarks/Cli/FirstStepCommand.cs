using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>first-step: does one training step and prints the time since the process started. The start-up cases run this verb in a process of its own.</summary>
internal static class FirstStepCommand
{
    private static readonly StepArguments Arguments = new();

    public static Command Create()
    {
        var command = new Command(StartupCase.Verb, "Does one training step and prints the seconds from the start of the process to the end of the step.");
        Arguments.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        StepOptions options = Arguments.Options(parsed);
        using ComputeDevice device = Arguments.Open(parsed);
        using TrainingStep step = options.Create(device, out TrigFlowModel? teacher);
        using (teacher)
        {
            step.Run(options.Images(), options.Labels(), 0);
            device.Synchronize();
            using var self = Process.GetCurrentProcess();
            double seconds = (DateTime.Now - self.StartTime).TotalSeconds;
            TrainingStatistics statistics = step.FetchStatistics();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds:F2} s to the end of the first step, loss {statistics.Loss:G5}; {device.Description}"));
            return statistics.Skipped == 0 ? 0 : Verbs.BadResult;
        }
    }
}
