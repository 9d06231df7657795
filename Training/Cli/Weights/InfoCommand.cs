using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Cli;

/// <summary>info: says what a weight file, a training state, a folder of a run or a file of another program is, without reading its numbers.</summary>
internal static class InfoCommand
{
    private const string ConfigName = "config.json", StateWord = "trigflow-training-state";
    private static readonly string[] Known = ["config", "sigma_data", "kind", "class_names", "format", "latent_mean", "latent_std", "latent_range"];

    public static Command Create()
    {
        Argument<string> file = PathOptions.Argument("file", "Weights, a training state, the folder of a run, or a file that import takes.");
        Option<string?> key = ImportCommand.KeyOption();
        var command = new Command("info", "Says what a file or the folder of a run is: kind, network, parameters, types, and where it comes from.") { file, key };
        command.SetAction(parsed =>
        {
            FileFacts facts = Describe(parsed.GetValue(file)!, parsed.GetValue(key));
            facts.Print();
            return 0;
        });
        return command;
    }

    private static FileFacts Describe(string path, string? key)
    {
        FileFacts facts = new();
        facts.Add("file", path);
        if (Directory.Exists(path))
        {
            AddFolder(facts, path);
        }
        else if (IsSafetensors(path))
        {
            if (key is not null)
                throw new UsageException($"--key {key}: {path} is a safetensors file, which has no keys");
            AddSafetensors(facts, path);
        }
        else
        {
            using ImportedFile file = ImportFile.Open(path, key);
            facts.Add(file);
            facts.Add("use", "trigflow import writes it as safetensors");
        }

        return facts;
    }

    private static void AddFolder(FileFacts facts, string path)
    {
        string config = Path.Combine(path, ConfigName);
        StateFolder folder = new(File.Exists(config) ? Path.Combine(path, "checkpoints") : path);
        IReadOnlyList<string> states = folder.Paths();
        if (!File.Exists(config) && states.Count == 0)
            throw new InvalidFileException(path, "is a folder without a run's config.json and without training states");
        facts.Add("kind", File.Exists(config) ? "folder of a run" : "folder of training states");
        if (File.Exists(config))
            AddRun(facts, StoredConfig.Read(config).Config);
        string model = Path.Combine(path, "model.safetensors");
        foreach (string state in states)
        {
            facts.Add("state", state);
            AddSafetensors(facts, state);
        }

        if (File.Exists(model))
        {
            facts.Add("model", model);
            AddSafetensors(facts, model);
        }
    }

    /// <summary>What the run was begun with.</summary>
    private static void AddRun(FileFacts facts, RunConfig config)
    {
        TrainingOptions training = config.Training;
        facts.Add("preset", config.Preset);
        facts.Add("objective", training.Objective.Name);
        facts.Add("data", config.Data);
        facts.Add("teacher", config.Teacher);
        facts.Add("init", config.Init);
        facts.Add("seed", training.Seed.ToString(CultureInfo.InvariantCulture));
        facts.Add("images", string.Create(CultureInfo.InvariantCulture, $"{config.Images:N0} in all, {training.Batch:N0} a step"));
    }

    private static bool IsSafetensors(string path)
    {
        using FileStream stream = InputFile.Open(path);
        Span<byte> head = stackalloc byte[9];
        return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head[8] == (byte)'{' && head[7] == 0;
    }

    private static void AddSafetensors(FileFacts facts, string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        bool isState = file.Metadata.TryGetValue("format", out string? format) && format.StartsWith(StateWord, StringComparison.Ordinal);
        bool isModel = !isState && file.Metadata.ContainsKey("config");
        facts.Add("kind", isState ? "training state" : isModel ? "weights with their network" : FeatureNetworkFile.Recognises(path) ? "weights of a network of features, for evaluate --features" : "tensors without a network");
        facts.AddTensors(
            file.Entries.Count, file.Entries.Sum(each => each.Count), file.Entries.GroupBy(each => each.Type).ToDictionary(each => each.Key, each => each.Count()),
            [.. file.Entries.OrderBy(each => each.Name, StringComparer.Ordinal).Select(each => (each.Name, (IReadOnlyList<long>)each.Shape))], full: !isModel);
        if (isModel)
        {
            (NetworkConfig network, WeightDescription description) = WeightFile.ReadDescription(path);
            facts.AddNetwork(network, description);
            facts.Add("parameters", network.Build().ParameterCount().ToString("N0", CultureInfo.InvariantCulture));
        }

        facts.Add("checksum", file.HasChecksum ? "stored, checked when the file is used" : "none");
        foreach ((string name, string value) in file.Metadata.Where(each => !Known.Contains(each.Key, StringComparer.Ordinal)).OrderBy(each => each.Key, StringComparer.Ordinal))
            facts.Add(name.Length <= 40 ? name : name[..40], value);
    }
}
