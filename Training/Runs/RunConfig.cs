using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>Every option of a training run, as resolved: what config.json holds, and what must be equal for a run to be continued.</summary>
public sealed record RunConfig
{
    private const string NetworkKey = "network", ImagesKey = "images";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Converters = { new ObjectiveOptionsConverter(), new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    /// <summary>Name of the preset that the numbers come from.</summary>
    public string Preset { get; init; } = "";

    /// <summary>The data set: a path, or synthetic.</summary>
    public string Data { get; init; } = "";

    /// <summary>Weight file of the diffusion model to distil; null for other objectives.</summary>
    public string? Teacher { get; init; }

    /// <summary>Weight file to start from; null for fresh weights, or the teacher's in distillation.</summary>
    public string? Init { get; init; }

    /// <summary>Images to train on, repetitions counted. The only number that may change when a run is continued.</summary>
    public long Images { get; init; }

    /// <summary>Whether images are mirrored at random.</summary>
    public bool Flip { get; init; }

    /// <summary>Steps between lines of metrics.csv.</summary>
    public int LogEvery { get; init; } = 50;

    /// <summary>Steps between training states on disk.</summary>
    public int CheckpointEvery { get; init; } = 1000;

    /// <summary>Steps between grids in samples/; 0 for none.</summary>
    public int SampleEvery { get; init; }

    /// <summary>Steps between snapshots of the power-function averages; 0 for none.</summary>
    public int SnapshotEvery { get; init; }

    /// <summary>Objective, optimizer, averages, batch and seed.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>The network.</summary>
    [JsonIgnore]
    public NetworkConfig Network { get; init; } = ModelPresets.Get("demo");

    /// <summary>Steps in the whole run: the images in whole batches.</summary>
    [JsonIgnore]
    public long Steps => Math.Max(1, Images / Training.Batch);

    /// <summary>The same with the scalar conditions that the objective wants of the student's network.</summary>
    public RunConfig WithConditions() =>
        this with { Network = Network with { Conditions = [.. Network.Conditions.Union(Training.Objective.Create().StudentConditions)] } };

    /// <summary>The configuration as JSON; the network under the names of its weight file.</summary>
    public JsonObject ToJson()
    {
        JsonObject node = JsonSerializer.SerializeToNode(this, Json)!.AsObject();
        node[NetworkKey] = JsonNode.Parse(Network.ToJson());
        return node;
    }

    /// <summary>The configuration as text for a person.</summary>
    public string ToText() => ToJson().ToJsonString(Json);

    /// <summary>Reads what <see cref="ToJson"/> writes and checks every number.</summary>
    /// <param name="source">Where the text is from, for messages.</param>
    /// <param name="node">The object.</param>
    /// <exception cref="ArgumentException">A key is unknown or a value is out of range; one line.</exception>
    /// <exception cref="Engine.InvalidFileException">The network is none.</exception>
    public static RunConfig FromJson(string source, JsonObject node)
    {
        ArgumentNullException.ThrowIfNull(node);
        try
        {
            JsonObject rest = node.DeepClone().AsObject();
            string network = rest[NetworkKey]?.ToJsonString() ?? throw new ArgumentException($"{source}: there is no '{NetworkKey}'");
            rest.Remove(NetworkKey);
            RunConfig config = rest.Deserialize<RunConfig>(Json)!;
            config = config with { Network = NetworkRegistry.Read(source, network) };
            config.Training.Validate();
            if (config.Images < 1 || config.LogEvery < 1 || config.CheckpointEvery < 1 || config.SampleEvery < 0 || config.SnapshotEvery < 0)
                throw new ArgumentException("images, log_every and checkpoint_every are positive, sample_every and snapshot_every not negative");
            if (config.SnapshotEvery > 0 && !config.Training.Average.PowerFunction)
                throw new ArgumentException("snapshot_every needs average.power_function=true");
            return config;
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"{source}: {e.Message}", e);
        }
    }

    /// <summary>The first option in which two configurations differ, other than the number of images; null if there is none.</summary>
    public static string? FirstDifference(JsonObject stored, JsonObject asked)
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(asked);
        foreach (string key in stored.Select(pair => pair.Key).Union(asked.Select(pair => pair.Key)))
        {
            if (key == ImagesKey || JsonNode.DeepEquals(stored[key], asked[key]))
                continue;
            return stored[key] is JsonObject before && asked[key] is JsonObject after && FirstDifference(before, after) is { } inner
                ? $"{key}.{inner}"
                : $"{key} is {stored[key]?.ToJsonString() ?? "absent"}, not {asked[key]?.ToJsonString() ?? "absent"}";
        }

        return null;
    }
}
