using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>train: trains one run in one folder; the same command again continues it.</summary>
internal static class TrainCommand
{
    /// <summary>Name of the verb.</summary>
    public const string Verb = "train";

    public static Command Create()
    {
        var options = new TrainOptions();
        Option<string> device = CommandLine.DeviceOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var dryRun = new Option<bool>("--dry-run") { Description = "Prints the resolved configuration and exits." };
        var command = new Command(Verb, "Trains a model; the same command again, or --resume FOLDER, continues a run bit for bit.");
        foreach (Option option in options.All)
            command.Add(option);
        command.Add(device);
        command.Add(tensorCores);
        command.Add(dryRun);
        command.SetAction(parsed =>
        {
            (RunConfig config, string? folder) = options.Resolve(parsed);
            if (parsed.GetValue(dryRun))
            {
                Console.WriteLine(config.WithConditions().ToText());
                return SteadyOutput.LossReason is null ? 0 : 1;
            }

            return Train(config, folder ?? throw new UsageException("--out is missing: the folder of the run"), parsed.GetValue(device)!, parsed.GetValue(tensorCores));
        });
        return command;
    }

    /// <summary>Trains and prints how the run ended. A signal saves first; the exit code then says which it was, so that a shell stops too.</summary>
    private static int Train(RunConfig config, string folder, string deviceName, TensorCorePath? tensorCores)
    {
        using ComputeDevice device = CommandLine.Open(deviceName, tensorCores);
        using var stop = new StopSignal();
        TrainingOutcome outcome = Trainer.Run(config, folder, device, stop.Token);
        string speed = outcome.Seconds > 0 ? string.Create(CultureInfo.InvariantCulture, $" in {outcome.Seconds:F1} s ({outcome.ImagesPerSecond:F0} images/s)") : "";
        Console.WriteLine(outcome.Complete
            ? $"complete at step {outcome.Step}{speed}: {Path.Combine(folder, "model.safetensors")}"
            : $"stopped at step {outcome.Step} of {config.Steps}{speed}; the same command continues");
        return outcome.Complete ? 0 : stop.ExitCode;
    }
}
