using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
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
        var dryRun = new Option<bool>("--dry-run") { Description = "Prints the resolved configuration, says what a run would refuse, and makes nothing." };
        var command = new Command(Verb, "Trains a model; the same command again, or --resume FOLDER, continues a run bit for bit.");
        foreach (Option option in options.All)
            command.Add(option);
        command.Add(device);
        command.Add(tensorCores);
        command.Add(dryRun);
        command.SetAction(parsed =>
        {
            (RunConfig config, string? folder) = options.Resolve(parsed);
            string? note = options.NoteOnNetwork(parsed, config);
            if (parsed.GetValue(dryRun))
                return TryOut(config, folder, note, parsed.GetValue(device)!);
            TrainOptions.RequireTeacher(config);
            if (note is not null)
                Console.Error.WriteLine(note);
            return Train(config, folder ?? throw new UsageException("--out is missing: the folder of the run"), parsed.GetValue(device)!, parsed.GetValue(tensorCores));
        });
        return command;
    }

    /// <summary>Prints the configuration, also one that a run would refuse, so that its settings can be looked at before there are data or a teacher; then checks it.</summary>
    private static int TryOut(RunConfig config, string? folder, string? note, string device)
    {
        Console.WriteLine(config.WithConditions().ToText());
        if (note is not null)
            Console.Error.WriteLine(note);
        if (device == "cpu" && config.Training.Precision == Precision.Bf16)
            throw new UsageException("precision: bf16 needs a GPU"); // of other devices only opening them tells
        Check(config, folder);
        return SteadyOutput.LossReason is null ? 0 : 1;
    }

    /// <summary>Refuses what a run would refuse.</summary>
    internal static void Check(RunConfig config, string? folder)
    {
        TrainOptions.RequireTeacher(config);
        Trainer.Check(config, folder);
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
