using System.Globalization;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// The folder of one run: config.json (all options as resolved), metrics.csv, loss.png, model.safetensors (the averaged weights,
/// for sampling), samples/, snapshots/ and checkpoints/ (the last two training states).
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private const int KeptStates = 2;
    private const string Prefix = "step-", Suffix = ".safetensors";
    private readonly FileStream lockFile;

    private RunDirectory(string path, FileStream lockFile)
    {
        Root = path;
        this.lockFile = lockFile;
    }

    /// <summary>Path of the folder.</summary>
    public string Root { get; }

    /// <summary>Path of metrics.csv.</summary>
    public string Metrics => Path.Combine(Root, "metrics.csv");

    /// <summary>Path of loss.png.</summary>
    public string LossPlot => Path.Combine(Root, "loss.png");

    /// <summary>Path of model.safetensors: averaged weights under EDM's names.</summary>
    public string Model => Path.Combine(Root, "model.safetensors");

    /// <summary>Path of samples/: grids drawn during training.</summary>
    public string Samples => Path.Combine(Root, "samples");

    /// <summary>Path of snapshots/: power-function averages stored during training.</summary>
    public string Snapshots => Path.Combine(Root, "snapshots");

    /// <summary>Path of config.json.</summary>
    public string ConfigPath => Path.Combine(Root, "config.json");

    private string Checkpoints => Path.Combine(Root, "checkpoints");

    /// <summary>Opens a run's folder, creating it if necessary, and locks it against a second process.</summary>
    /// <exception cref="IOException">Another process trains in the folder, or the folder cannot be created.</exception>
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

    /// <summary>Reads the stored configuration of the run; null for a new run.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string? ReadConfig() => File.Exists(ConfigPath) ? File.ReadAllText(ConfigPath) : null;

    /// <summary>Stores the configuration of the run.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteConfig(string json) => AtomicFile.WriteAllBytes(ConfigPath, Encoding.UTF8.GetBytes(json));

    /// <summary>Returns the paths of the training states, newest first.</summary>
    public IReadOnlyList<string> CheckpointPaths() => !Directory.Exists(Checkpoints)
        ? []
        : [.. Directory.EnumerateFiles(Checkpoints, Prefix + "*" + Suffix).OrderDescending(StringComparer.Ordinal)];

    /// <summary>Stores a training state under its step, then deletes all but the last two.</summary>
    /// <param name="step">Training steps done.</param>
    /// <param name="state">Tensors of the state, with different names.</param>
    /// <exception cref="ArgumentException">Two tensors have the same name.</exception>
    /// <exception cref="IOException">The state cannot be written, or an old one cannot be deleted.</exception>
    public void SaveCheckpoint(long step, IReadOnlyList<StateTensor> state)
    {
        string name = Prefix + step.ToString("D10", CultureInfo.InvariantCulture) + Suffix;
        Checkpoint.Save(Path.Combine(Checkpoints, name), step, state);
        foreach (string old in CheckpointPaths().Skip(KeptStates))
            File.Delete(old);
    }

    /// <inheritdoc/>
    public void Dispose() => lockFile.Dispose();
}
