using System.Text.Json;
using System.Text.Json.Nodes;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// A configuration read from config.json, in the present form or an older one. The text keeps an older form when the run is continued, so that the run
/// is known as an older one again.
/// </summary>
internal sealed class StoredConfig
{
    private const long MaxBytes = 16L << 20;
    private readonly string path;
    private readonly JsonObject text;
    private readonly bool isOlder;

    private StoredConfig(string path, JsonObject text, bool isOlder, RunConfig config) => (this.path, this.text, this.isOlder, Config) = (path, text, isOlder, config);

    /// <summary>The configuration in the present form.</summary>
    public RunConfig Config { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidFileException">The file is missing or unreadable, or does not hold a configuration of a run.</exception>
    public static StoredConfig Read(string path)
    {
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            JsonObject node = JsonNode.Parse(InputFile.ReadAllBytes(path, MaxBytes), documentOptions: options) as JsonObject
                ?? throw new InvalidFileException(path, "is not a JSON object");
            JsonObject text = node.DeepClone().AsObject();
            bool isOlder = ConfigUpgrade.Apply(node);
            return new StoredConfig(path, text, isOlder, RunConfig.FromJson(path, node));
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(path, e.Message, e);
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(path, $"is not valid JSON ({e.Message})", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidFileException(path, "holds a value of another kind than a configuration has there", e); // text that is no Unicode, too
        }
    }

    /// <summary>Returns the configuration under which the run is continued.</summary>
    /// <param name="asked">The requested configuration.</param>
    /// <param name="root">Folder of the run, for the message.</param>
    /// <exception cref="UsageException">The requested configuration differs in an option that decides the weights.</exception>
    public RunConfig Continue(RunConfig asked, string root)
    {
        try
        {
            asked = (isOlder ? ConfigUpgrade.Adopt(asked, Config) : asked).WithConditions();
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(path, e.Message, e);
        }

        if (RunConfig.FirstDifference(Config.ToJson(), asked.ToJson()) is { } difference)
        {
            string classes = Config.Network.LabelCount != asked.Network.LabelCount && Config.ClassNames.Count > 0 ? $" (its classes are {string.Join(", ", Config.ClassNames)})" : "";
            throw new UsageException($"{root} holds a run of another configuration: {difference}{classes}; choose another --out");
        }

        return asked;
    }

    /// <summary>The text of config.json under another configuration, in the form in which it was read.</summary>
    public string TextOf(RunConfig config) => isOlder ? RunConfig.WithFreeOptions(text, config) : config.ToText();
}
