using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Cli;

/// <summary>train: trains one run in one folder; the same command again continues it.</summary>
internal static class TrainCommand
{
    private static readonly Option<string> ObjectiveOption = new("--objective") { Required = true };
    private static readonly Option<string> DataOption = new("--data") { Description = "CIFAR-10 or MNIST files, a folder of PNG/JPEG, a zip in EDM's layout, or 'synthetic'.", Required = true };
    private static readonly Option<string> PresetOption = new("--preset") { Required = true };
    private static readonly Option<string> OutOption = new("--out") { Description = "Folder of the run.", Required = true };
    private static readonly Option<string?> TeacherOption = new("--teacher") { Description = "Weight file of the diffusion model that the student learns from, for objectives that need one." };
    private static readonly Option<string?> InitOption = new("--init") { Description = "Weight file to start from (default: the teacher, or fresh weights)." };
    private static readonly Option<long?> ImagesOption = new("--images") { Description = "Images to train on, counting repetitions." };
    private static readonly Option<int?> BatchOption = new("--batch") { Description = "Images in a training step." };
    private static readonly Option<ulong?> SeedOption = new("--seed") { Description = "Seed of all random numbers." };
    private static readonly Option<Precision> PrecisionOption = CommandLine.PrecisionOption();
    private static readonly Option<string[]> SetOption = new("--set") { Description = "Any further option as key=value; --dry-run prints them all.", AllowMultipleArgumentsPerToken = true };
    private static readonly Option<bool> DryRunOption = new("--dry-run") { Description = "Prints the resolved configuration and exits." };

    public static Command Create()
    {
        string[] objectives = [.. ObjectiveRegistry.All.Keys.Order(StringComparer.Ordinal)];
        ObjectiveOption.Description = string.Join("; ", objectives.Select(name => $"{name}: {ObjectiveRegistry.All[name].Description}"));
        ObjectiveOption.AcceptOnlyFromAmong(objectives);
        string[] presets = [.. ModelPresets.All.Keys];
        PresetOption.Description = $"Network and training settings: {string.Join(", ", presets)}.";
        PresetOption.AcceptOnlyFromAmong(presets);
        Option<string> device = CommandLine.DeviceOption();
        Option<TensorCorePath?> tensorCores = CommandLine.TensorCoresOption();
        var command = new Command("train", "Trains a model; the same command again continues a run bit for bit.")
        {
            ObjectiveOption, DataOption, PresetOption, OutOption, TeacherOption, InitOption, ImagesOption, BatchOption, device, PrecisionOption, tensorCores, SeedOption,
            SetOption, DryRunOption,
        };
        command.SetAction(parsed =>
        {
            RunConfig config = Resolve(parsed);
            if (parsed.GetValue(DryRunOption))
            {
                Console.WriteLine(config.WithConditions().ToText());
                return 0;
            }

            return Train(config, parsed.GetValue(OutOption)!, parsed.GetValue(device)!, parsed.GetValue(tensorCores));
        });
        return command;
    }

    /// <summary>Returns the settings of a preset for an objective; the network is that of the weights that training starts from, if any.</summary>
    /// <exception cref="UsageException">The teacher is missing or superfluous.</exception>
    /// <exception cref="ArgumentException">The preset has no settings for the objective.</exception>
    /// <exception cref="InvalidFileException">The weight file is missing or malformed.</exception>
    internal static RunConfig Defaults(string objective, string preset, string data, string? teacher, string? init)
    {
        TrainingPreset numbers = TrainingPresets.Get(preset, objective);
        if (numbers.Options.Objective.Create().NeedsTeacher != teacher is not null)
            throw new UsageException(teacher is null ? $"--objective {objective} needs --teacher FILE" : $"--teacher: the objective {objective} takes no teacher");
        NetworkConfig network = (init ?? teacher) is { } file ? WeightFile.ReadDescription(file).Network : ModelPresets.Get(preset);
        return new RunConfig
        {
            Preset = preset,
            Data = data,
            Teacher = teacher,
            Init = init,
            Images = numbers.Images,
            Flip = numbers.Flip,
            Network = network,
            Training = numbers.Options,
        };
    }

    /// <summary>Trains and prints how the run ended; Ctrl-C and SIGTERM save first.</summary>
    internal static int Train(RunConfig config, string folder, string deviceName, TensorCorePath? tensorCores)
    {
        using ComputeDevice device = CommandLine.Open(deviceName, tensorCores);
        using var stop = new StopSignal();
        TrainingOutcome outcome = Trainer.Run(config, folder, device, stop.Token);
        string speed = outcome.Seconds > 0 ? string.Create(CultureInfo.InvariantCulture, $" in {outcome.Seconds:F1} s ({outcome.ImagesPerSecond:F0} images/s)") : "";
        Console.WriteLine(outcome.Complete
            ? $"complete at step {outcome.Step}{speed}: {Path.Combine(folder, "model.safetensors")}"
            : $"stopped at step {outcome.Step} of {config.Steps}{speed}; the same command continues");
        return 0;
    }

    private static RunConfig Resolve(ParseResult parsed)
    {
        try
        {
            RunConfig config = Defaults(parsed.GetValue(ObjectiveOption)!, parsed.GetValue(PresetOption)!, parsed.GetValue(DataOption)!, parsed.GetValue(TeacherOption), parsed.GetValue(InitOption));
            config = config with
            {
                Images = parsed.GetValue(ImagesOption) ?? config.Images,
                Training = config.Training with
                {
                    Batch = parsed.GetValue(BatchOption) ?? config.Training.Batch,
                    Precision = parsed.GetValue(PrecisionOption),
                    Seed = parsed.GetValue(SeedOption) ?? config.Training.Seed,
                },
            };
            JsonObject json = config.ToJson();
            ConfigOverrides.Apply(json, parsed.GetValue(SetOption) ?? []);
            return RunConfig.FromJson("--set", json);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }
}
