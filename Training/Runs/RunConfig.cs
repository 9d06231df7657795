using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// All options of a training run, as resolved and stored in config.json. To continue a run, all that decide its weights must be equal. The number of
/// images and the intervals may change, and so may the paths: what lies there is compared by content, see <see cref="RunIdentity"/>.
/// </summary>
public sealed record RunConfig
{
    private const string NetworkKey = "network";

    /// <summary>Keys whose values may change when a run is continued.</summary>
    private static readonly string[] FreeKeys =
        ["images", "data", "teacher", "guide", "init", "class_names", "log_every", "checkpoint_every", "sample_every", "evaluate_every", "evaluate_images", "evaluate_metrics", "evaluate_features", "evaluate_weights", "evaluate_best", "snapshot_every", "snapshot_images", "snapshot_precision"];

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Converters =
        {
            new ObjectiveOptionsConverter(), new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new FiniteNumberConverter<float>(), new FiniteNumberConverter<double>(),
        },
    };

    /// <summary>Name of the preset that the settings come from.</summary>
    public string Preset { get; init; } = "";

    /// <summary>Data set: a path, or synthetic.</summary>
    public string Data { get; init; } = "";

    /// <summary>Weight file of the teacher, the diffusion model to distil; null for objectives without one.</summary>
    public string? Teacher { get; init; }

    /// <summary>Weight file of a second diffusion model that guides the teacher; null for the teacher without class.</summary>
    public string? Guide { get; init; }

    /// <summary>Weight file to start from; null for the teacher's weights, or fresh ones without a teacher.</summary>
    public string? Init { get; init; }

    /// <summary>Images to train on, counting repetitions; positive.</summary>
    public long Images { get; init; }

    /// <summary>Whether images are mirrored at random.</summary>
    public bool Flip { get; init; }

    /// <summary>
    /// Name of the space of latents, see <see cref="LatentConventions"/>: what their data set was made with, and what the model learns them in. Without effect on
    /// pixels.
    /// </summary>
    public string LatentConvention { get; init; } = LatentConventions.Default;

    /// <summary>
    /// Standard deviation of the data that the model is trained with (sigma_data); null for that of the teacher or initial weights or, without them, that of the
    /// images. ImageNet's recipes take 0.5, as EDM2 and sCM do.
    /// </summary>
    public float? SigmaData { get; init; }

    /// <summary>Training steps between lines of metrics.csv; positive.</summary>
    public int LogEvery { get; init; } = 50;

    /// <summary>Training steps between training states on disk; positive.</summary>
    public int CheckpointEvery { get; init; } = 1000;

    /// <summary>Training steps between grids in samples/; 0 for no grids.</summary>
    public int SampleEvery { get; init; }

    /// <summary>Training steps between evaluations of the averaged weights on held-out images, a multiple of <see cref="LogEvery"/>; 0 for none.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Images that an evaluation draws, and held-out ones that it takes the loss of, at most the number of held-out ones; at least 2.</summary>
    public int EvaluateImages { get; init; } = 256;

    /// <summary>
    /// Metrics of an evaluation, separated by commas: those of images, with <see cref="EvaluateFeatures"/> those of features, and the word loss for the objective's loss
    /// of the averaged weights on held-out images, the column "held-out loss". That is the mean loss of a training step, adaptive weight included, without dropout, with
    /// times and noise that are the same at each evaluation: of trigflow the diffusion loss, of sct and scd the consistency loss with the tangent, at the present value
    /// of its warm-up. Latents have no other metric. It takes the memory of a forward pass besides, and changes no bit of the training.
    /// </summary>
    public string EvaluateMetrics { get; init; } = "sliced-wasserstein";

    /// <summary>Features that an evaluation compares; empty for none.</summary>
    public string EvaluateFeatures { get; init; } = "";

    /// <summary>File of the features' weights; null if they need none.</summary>
    public string? EvaluateWeights { get; init; }

    /// <summary>Whether the averaged weights with the best first value are kept as best.safetensors.</summary>
    public bool EvaluateBest { get; init; }

    /// <summary>Training steps between snapshots of the power-function averages; 0 for no snapshots.</summary>
    public int SnapshotEvery { get; init; }

    /// <summary>Images between snapshots of the power-function averages, in place of <see cref="SnapshotEvery"/>; 0 for no such snapshots. EDM2 takes 8 Mi.</summary>
    public long SnapshotImages { get; init; }

    /// <summary>Type of the numbers in snapshots.</summary>
    public SnapshotPrecision SnapshotPrecision { get; init; } = SnapshotPrecision.Fp16;

    /// <summary>Names of the data's classes in the order of their numbers; empty if there are no names. Set from the data when a run starts.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>Objective, optimizer, averages, batch and seed.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Configuration of the network.</summary>
    [JsonIgnore]
    public NetworkConfig Network { get; init; } = ModelPresets.Get("demo");

    /// <summary>Training steps of the whole run: the number of whole batches in <see cref="Images"/>, at least 1.</summary>
    [JsonIgnore]
    public long Steps => Math.Max(1, Images / Training.Batch);

    /// <summary>Whether snapshots are taken after a number of training steps: at every interval, and at the end of the run.</summary>
    internal bool TakesSnapshotsAt(long done)
    {
        bool any = SnapshotEvery > 0 || SnapshotImages > 0;
        return any && (done == Steps || (SnapshotEvery > 0 ? done % SnapshotEvery == 0 : done * Training.Batch / SnapshotImages > (done - 1) * Training.Batch / SnapshotImages));
    }

    /// <summary>Returns the configuration with the scalar conditions that the objective requires of the student's network.</summary>
    public RunConfig WithConditions() => this with { Network = Training.Objective.Create().StudentNetwork(Network) };

    /// <summary>Writes the configuration as JSON, with the network as in weight files.</summary>
    public JsonObject ToJson()
    {
        JsonObject node = JsonSerializer.SerializeToNode(this, Json)!.AsObject();
        node[NetworkKey] = JsonNode.Parse(Network.ToJson());
        return node;
    }

    /// <summary>Formats the configuration as indented JSON.</summary>
    public string ToText() => ToJson().ToJsonString(Json);

    /// <summary>Formats a stored configuration, of whatever form, with another configuration's values of the options that may change.</summary>
    internal static string WithFreeOptions(JsonObject stored, RunConfig config)
    {
        JsonObject values = config.ToJson();
        foreach (string key in FreeKeys.Where(stored.ContainsKey))
            stored[key] = values[key]?.DeepClone();
        return stored.ToJsonString(Json);
    }

    /// <summary>Reads the JSON of <see cref="ToJson"/> and checks every number.</summary>
    /// <param name="source">Origin of the JSON, for messages about the network.</param>
    /// <param name="node">The configuration.</param>
    /// <exception cref="ArgumentException">A key is unknown or missing, or a value is out of range; the message is one line.</exception>
    /// <exception cref="Engine.InvalidFileException">The network's configuration is malformed, or its architecture is unknown.</exception>
    public static RunConfig FromJson(string source, JsonObject node)
    {
        ArgumentNullException.ThrowIfNull(node);
        try
        {
            JsonObject rest = node.DeepClone().AsObject();
            string network = rest[NetworkKey]?.ToJsonString() ?? throw new ArgumentException($"missing key '{NetworkKey}'");
            rest.Remove(NetworkKey);
            RunConfig config = rest.Deserialize<RunConfig>(Json)!;
            config = config with { Network = NetworkRegistry.Read(source, network) };
            config.Training.Validate();
            if (config.Data.Length == 0 || config.Teacher?.Length == 0 || config.Guide?.Length == 0 || config.Init?.Length == 0)
                throw new ArgumentException("data, teacher, guide and init are paths, not empty text");
            _ = LatentConventions.Get(config.LatentConvention);
            if (config.Images < 1 || config.LogEvery < 1 || config.CheckpointEvery < 1 || config.SampleEvery < 0 || config.SnapshotEvery < 0)
                throw new ArgumentException("images, log_every and checkpoint_every must be positive, sample_every and snapshot_every not negative");
            if (config.EvaluateEvery < 0 || config.EvaluateEvery % config.LogEvery != 0)
                throw new ArgumentException($"evaluate_every is {config.EvaluateEvery}: expected 0 or a multiple of log_every, which is {config.LogEvery}");
            if (config.EvaluateImages < 2)
                throw new ArgumentException($"evaluate_images is {config.EvaluateImages}: expected at least 2");
            if (config.Network.Image.Count * config.Training.Batch > int.MaxValue)
                throw new ArgumentException($"batch {config.Training.Batch}: images of {config.Network.Image.H}x{config.Network.Image.W}x{config.Network.Image.C} allow at most {int.MaxValue / config.Network.Image.Count}, since a batch holds fewer than 2^31 numbers");
            if (config.SigmaData is { } deviation && !(deviation > 0))
                throw new ArgumentException($"sigma_data must be positive or null, not {deviation}");
            if (config.SnapshotImages < 0 || (config.SnapshotImages > 0 && config.SnapshotEvery > 0))
                throw new ArgumentException("snapshot_images must not be negative, and 0 if there is a snapshot_every");
            if ((config.SnapshotEvery > 0 || config.SnapshotImages > 0) && !config.Training.Average.PowerFunction)
                throw new ArgumentException($"{(config.SnapshotEvery > 0 ? "snapshot_every" : "snapshot_images")} needs average.power_function=true");
            if (!Enum.IsDefined(config.SnapshotPrecision))
                throw new ArgumentException($"snapshot_precision is unknown: {config.SnapshotPrecision}");
            return config;
        }
        catch (JsonException e)
        {
            throw new ArgumentException(ReasonOf(e, node), e);
        }
        catch (InvalidOperationException e)
        {
            throw new ArgumentException("a value is text that is not valid Unicode", e);
        }
    }

    /// <summary>Describes the first option in which two configurations differ, other than those that may change; null if there is none.</summary>
    public static string? FirstDifference(JsonObject stored, JsonObject asked)
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(asked);
        return FirstDifference(stored, asked, FreeKeys);
    }

    private static string? FirstDifference(JsonObject stored, JsonObject asked, string[] free)
    {
        foreach (string key in stored.Select(pair => pair.Key).Union(asked.Select(pair => pair.Key)).Except(free))
        {
            if (JsonNode.DeepEquals(stored[key], asked[key]))
                continue;
            return stored[key] is JsonObject before && asked[key] is JsonObject after && FirstDifference(before, after, []) is { } inner
                ? $"{key}.{inner}"
                : $"{key} is {stored[key]?.ToJsonString() ?? "absent"}, not {asked[key]?.ToJsonString() ?? "absent"}";
        }

        return null;
    }

    /// <summary>Names the key, where the serializer's message names .NET types.</summary>
    private static string ReasonOf(JsonException e, JsonObject node) => e.Message.Split('\'') switch
    {
        [_, var key, var rest, ..] when rest.Contains("could not be mapped", StringComparison.Ordinal) => $"unknown key '{key}'",
        [_, _, var rest, var key, ..] when rest.Contains("required", StringComparison.Ordinal) => $"missing key '{key}'",
        _ => e.Path is { Length: > 2 } path
            ? $"the value of '{path[2..]}' does not fit{(ConfigValues.Describe(path[2..], node, Json) is { } expected ? $": expected {expected}" : "")}"
            : "is not a configuration of a run",
    };
}
