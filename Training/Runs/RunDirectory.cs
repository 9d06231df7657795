using System.Globalization;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// The folder of one run: config.json (every option as resolved), metrics.csv, loss.png, model.safetensors (the averaged weights,
/// for sampling), samples/ and checkpoints/ (the last two training states).
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private const int Kept = 2;
    private const string Prefix = "step-", Suffix = ".safetensors";
    private readonly FileStream held;

    private RunDirectory(string path, FileStream held)
    {
        Root = path;
        this.held = held;
    }

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>metrics.csv.</summary>
    public string Metrics => Path.Combine(Root, "metrics.csv");

    /// <summary>loss.png.</summary>
    public string LossPlot => Path.Combine(Root, "loss.png");

    /// <summary>model.safetensors: averaged weights, EDM's names.</summary>
    public string Model => Path.Combine(Root, "model.safetensors");

    /// <summary>samples/, grids drawn during training.</summary>
    public string Samples => Path.Combine(Root, "samples");

    /// <summary>snapshots/, power-function averages over the course of the training.</summary>
    public string Snapshots => Path.Combine(Root, "snapshots");

    /// <summary>config.json.</summary>
    public string ConfigPath => Path.Combine(Root, "config.json");

    private string Checkpoints => Path.Combine(Root, "checkpoints");

    /// <summary>Opens a run's folder, making it if need be, and holds it against a second process.</summary>
    /// <exception cref="IOException">Another process trains in it.</exception>
    public static RunDirectory Open(string path)
    {
        Directory.CreateDirectory(path);
        try
        {
            // The lock dies with the process, whatever kills it.
            return new RunDirectory(path, new FileStream(Path.Combine(path, ".lock"), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None));
        }
        catch (IOException)
        {
            throw new IOException($"{path}: another process is training in this folder");
        }
    }

    /// <summary>The configuration the run was started with; null for a new run.</summary>
    public string? ReadConfig() => File.Exists(ConfigPath) ? File.ReadAllText(ConfigPath) : null;

    /// <summary>Stores the configuration of a new run.</summary>
    public void WriteConfig(string json) => AtomicFile.WriteAllBytes(ConfigPath, Encoding.UTF8.GetBytes(json));

    /// <summary>Training states, newest first.</summary>
    public IReadOnlyList<string> CheckpointPaths() => !Directory.Exists(Checkpoints)
        ? []
        : [.. Directory.EnumerateFiles(Checkpoints, Prefix + "*" + Suffix).OrderDescending(StringComparer.Ordinal)];

    /// <summary>Stores a training state under its step, then removes all but the last two.</summary>
    public void SaveCheckpoint(long step, IReadOnlyList<StateTensor> state)
    {
        string name = Prefix + step.ToString("D10", CultureInfo.InvariantCulture) + Suffix;
        Checkpoint.Save(Path.Combine(Checkpoints, name), step, state);
        foreach (string old in CheckpointPaths().Skip(Kept))
            File.Delete(old);
    }

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();
}
