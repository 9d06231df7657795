using System.CommandLine;
using System.Text.Json.Nodes;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Cli;

/// <summary>
/// The options of train that make a run's configuration. It begins with that of a run to resume, of a file, or of a preset; single options then
/// change it, and --set last.
/// </summary>
internal sealed class TrainOptions
{
    private const string ConfigName = "config.json";
    private readonly Option<string?> objective = new("--objective");
    private readonly Option<string?> data = PathOptions.Optional("--data", "CIFAR-10 or -100 (.bin, folder, .tar.gz), idx files (MNIST, EMNIST, ...), a folder or zip of PNG and JPEG or of latents (.npy), or 'synthetic' or 'synthetic-emblems'.");
    private readonly Option<string?> preset = new("--preset");
    private readonly Option<string?> output = PathOptions.Optional("--out", "Folder of the run.");
    private readonly Option<string?> resume = PathOptions.Optional("--resume", "Folder of a run to continue; no other option is needed.");
    private readonly Option<string?> file = PathOptions.Optional("--config", "A config.json to begin with, in place of --objective, --data and --preset.");
    private readonly Option<string?> teacher = PathOptions.Optional("--teacher", "Weight file of the diffusion model that the student learns from, for objectives that need one.");
    private readonly Option<string?> guide = PathOptions.Optional("--guide", "Weight file of a second diffusion model that guides the teacher (autoguidance), for scd with max_guidance above 1.");
    private readonly Option<string?> init = PathOptions.Optional("--init", "Weight file to start from, whose network the run then has (default: the teacher, or fresh weights).");
    private readonly Option<long?> images = NumberOptions.Whole<long>("--images", "Images to train on, counting repetitions, such as 200M.", 1, long.MaxValue);
    private readonly Option<int?> batch = NumberOptions.Whole<int>("--batch", "Images in a training step.", 1, int.MaxValue);
    private readonly Option<ulong?> seed = NumberOptions.Whole<ulong>("--seed", "Seed of all random numbers.", 0, ulong.MaxValue);
    private readonly Option<Precision> precision = CommandLine.PrecisionOption();
    private readonly Option<string[]> set = new("--set") { Description = "Any further option as key=value; --dry-run prints them all.", AllowMultipleArgumentsPerToken = true };

    public TrainOptions()
    {
        string[] objectives = [.. ObjectiveRegistry.All.Keys.Order(StringComparer.Ordinal)];
        objective.Description = string.Join("; ", objectives.Select(name => $"{name}: {ObjectiveRegistry.All[name].Description}"));
        objective.AcceptOnly(objectives);
        string[] presets = [.. ModelPresets.All.Keys];
        preset.Description = $"Network and training settings: {string.Join(", ", presets)}.";
        preset.AcceptOnly(presets);
        preset.HelpName = "preset"; // the description lists them
    }

    /// <summary>All options, in the order of --help.</summary>
    public IReadOnlyList<Option> All => [objective, data, preset, output, resume, file, teacher, guide, init, images, batch, precision, seed, set];

    /// <summary>Returns the configuration and the folder of the run, null if neither --out nor --resume names one.</summary>
    /// <exception cref="UsageException">Options are missing, contradict each other, or hold a value that does not fit.</exception>
    /// <exception cref="InvalidFileException">A file that an option names is missing or malformed.</exception>
    public (RunConfig Config, string? Folder) Resolve(ParseResult parsed)
    {
        if (parsed.GetValue(resume) is not null && (parsed.GetValue(output) ?? parsed.GetValue(file)) is not null)
            throw new UsageException("--resume names the folder of the run: leave out --out and --config");
        string? folder = parsed.GetValue(resume) ?? parsed.GetValue(output);
        try
        {
            return (Changed(parsed, Begin(parsed, folder)), folder);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Returns the settings of a preset for an objective; the network is that of the weights that training starts from, if any.</summary>
    /// <param name="objective">Name of the objective.</param>
    /// <param name="preset">Name of the preset.</param>
    /// <param name="data">Data set.</param>
    /// <param name="teacher">Weight file of the teacher, or null.</param>
    /// <param name="init">Weight file to start from, or null.</param>
    /// <param name="begun">Configuration of the run in the folder, which has the network if the file to start from is gone; null for a new run.</param>
    /// <exception cref="UsageException">Training cannot start from the teacher.</exception>
    /// <exception cref="ArgumentException">The preset has no settings for the objective.</exception>
    /// <exception cref="InvalidFileException">The weight file is missing or malformed.</exception>
    internal static RunConfig Defaults(string objective, string preset, string data, string? teacher, string? init, RunConfig? begun = null)
    {
        TrainingPreset numbers = TrainingPresets.Get(preset, objective);
        (NetworkConfig network, LatentSpace? latents) = (init ?? teacher) switch
        {
            null => (ModelPresets.Get(preset), null),
            { } start when start == init && begun is not null && !File.Exists(start) => (begun.Network, LatentConventions.Get(begun.LatentConvention)),
            { } start => Described(WeightFile.ReadDescription(start, ModelPresets.Get(preset))),
        };
        if (network.IsOnlyEvaluated)
            throw new UsageException($"{init ?? teacher}: EDM's and EDM2's own networks have features of the noise level, so that no student can start from them; --init FILE names the weights to start from");
        return new RunConfig
        {
            Preset = preset,
            Data = data,
            Teacher = teacher,
            Init = init,
            Images = numbers.Images,
            Flip = numbers.Flip,
            LatentConvention = (latents is null ? null : LatentConventions.NameOf(latents)) ?? LatentConventions.Default,
            SnapshotImages = numbers.SnapshotImages,
            SigmaData = init is null && teacher is null ? numbers.SigmaData : null,
            Network = network,
            Training = numbers.Options,
        };
    }

    /// <summary>Requires that a configuration has a teacher exactly if its objective needs one, before anything is opened for it.</summary>
    /// <exception cref="UsageException">The teacher is missing or superfluous.</exception>
    internal static void RequireTeacher(RunConfig config)
    {
        ObjectiveOptions objective = config.Training.Objective;
        if (objective.Create().NeedsTeacher != config.Teacher is not null)
            throw new UsageException(config.Teacher is null ? $"--objective {objective.Name} needs --teacher FILE" : $"--teacher: the objective {objective.Name} takes no teacher");
    }

    /// <summary>Says in one line that the network is another than that of the preset that was named, since training starts from a file; null if it is the same, but for classes.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="config">The configuration that it gave.</param>
    public string? NoteOnNetwork(ParseResult parsed, RunConfig config)
    {
        if ((config.Init ?? config.Teacher) is not { } start || parsed.GetValue(preset) is not { } named)
            return null;
        NetworkConfig network = config.Network, plain = ModelPresets.Get(named) with { LabelCount = network.LabelCount, Conditions = network.Conditions };
        return network.DifferenceFrom(plain) is { } difference
            ? $"train: the network is that of {start}, since training starts from it, and not that of --preset {named}: {difference}"
            : null;
    }

    private static (NetworkConfig Network, LatentSpace? Latents) Described((NetworkConfig Network, WeightDescription Description) file) => (file.Network, file.Description.Latents);

    private RunConfig Begin(ParseResult parsed, string? folder)
    {
        if (parsed.GetValue(resume) is not null)
            return StoredConfig.Read(Path.Combine(folder!, ConfigName)).Config;
        if (parsed.GetValue(file) is { } path)
            return StoredConfig.Read(path).Config;
        foreach (Option<string?> needed in (Option<string?>[])[objective, data, preset])
            if (parsed.GetValue(needed) is null)
                throw new UsageException($"{needed.Name} is missing; a run needs --objective, --data, --preset and --out, or --config and --out, or --resume");
        string? begun = folder is null ? null : Path.Combine(folder, ConfigName);
        return Defaults(
            parsed.GetValue(objective)!, parsed.GetValue(preset)!, parsed.GetValue(data)!, parsed.GetValue(teacher), parsed.GetValue(init),
            File.Exists(begun) ? StoredConfig.Read(begun).Config : null);
    }

    private RunConfig Changed(ParseResult parsed, RunConfig config)
    {
        if (parsed.GetValue(resume) is not null || parsed.GetValue(file) is not null)
        {
            if (parsed.GetValue(objective) is { } other && other != config.Training.Objective.Name)
                throw new UsageException($"--objective {other}: the configuration is one of {config.Training.Objective.Name}");
            if (parsed.GetValue(preset) is { } named && named != config.Preset)
                throw new UsageException($"--preset {named}: the configuration is one of {config.Preset}");
        }

        config = config with
        {
            Data = parsed.GetValue(data) ?? config.Data,
            Teacher = parsed.GetValue(teacher) ?? config.Teacher,
            Guide = parsed.GetValue(guide) ?? config.Guide,
            Init = parsed.GetValue(init) ?? config.Init,
            Images = parsed.GetValue(images) ?? config.Images,
            Training = config.Training with
            {
                Batch = parsed.GetValue(batch) ?? config.Training.Batch,
                Precision = parsed.GetResult(precision) is { Implicit: false } ? parsed.GetValue(precision) : config.Training.Precision,
                Seed = parsed.GetValue(seed) ?? config.Training.Seed,
            },
        };
        JsonObject json = config.ToJson();
        ConfigOverrides.Apply(json, parsed.GetValue(set) ?? []);
        return RunConfig.FromJson("--set", json);
    }
}
