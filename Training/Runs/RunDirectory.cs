using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// The folder of one run: config.json (all options as resolved), metrics.csv, loss.png, model.safetensors (the averaged weights,
/// for sampling), run.log, samples/, snapshots/ and checkpoints/ (the last two training states).
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private const int AlreadyLockedLinux = 11, AlreadyLockedMac = 35, SharingViolationWindows = unchecked((int)0x80070020);
    private readonly FileStream lockFile;
    private readonly string identity;

    private RunDirectory(string path, FileStream lockFile)
    {
        Root = path;
        this.lockFile = lockFile;
        identity = FileStatus.Of(LockPath).Identity;
        States = new StateFolder(Path.Combine(path, "checkpoints"));
        Snapshots = new SnapshotFolder(path);
    }

    /// <summary>Path of the folder.</summary>
    public string Root { get; }

    /// <summary>Path of metrics.csv.</summary>
    public string Metrics => Path.Combine(Root, "metrics.csv");

    /// <summary>Path of loss.png.</summary>
    public string LossPlot => Path.Combine(Root, "loss.png");

    /// <summary>Path of evaluation.png: metrics on held-out images.</summary>
    public string EvaluationPlot => Path.Combine(Root, "evaluation.png");

    /// <summary>Path of best.safetensors: the averaged weights that an evaluation found best, if it is asked to keep them.</summary>
    public string BestModel => Path.Combine(Root, "best.safetensors");

    /// <summary>Path of model.safetensors: averaged weights under EDM's names.</summary>
    public string Model => Path.Combine(Root, "model.safetensors");

    /// <summary>Path of samples/: grids drawn during training.</summary>
    public string Samples => Path.Combine(Root, "samples");

    /// <summary>The power-function averages stored during training, in snapshots/.</summary>
    public SnapshotFolder Snapshots { get; }

    /// <summary>Path of config.json.</summary>
    public string ConfigPath => Path.Combine(Root, "config.json");

    /// <summary>Path of run.log: what was said at each start, and what went wrong.</summary>
    public string Log => Path.Combine(Root, "run.log");

    private string LockPath => Path.Combine(Root, ".lock");

    /// <summary>The training states in checkpoints/.</summary>
    public StateFolder States { get; }

    /// <summary>Opens a run's folder, creating it if necessary, and locks it against a second process.</summary>
    /// <exception cref="IOException">Another process trains in the folder, or the folder cannot be created or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static RunDirectory Open(string path)
    {
        Directory.CreateDirectory(path);
        string file = Path.Combine(path, ".lock");
        if (FileStatus.Of(file, follow: false).Kind is not (FileKind.Absent or FileKind.Regular or FileKind.Unknown))
            throw new IOException($"{file}: is no regular file; remove it"); // a pipe's opening would wait for ever
        try
        {
            // The lock dies with the process, whatever kills it.
            return new RunDirectory(path, new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None));
        }
        catch (IOException e)
        {
            throw new IOException(e.HResult is AlreadyLockedLinux or AlreadyLockedMac or SharingViolationWindows
                ? $"{path}: another process is training in this folder"
                : $"{path}: cannot be written ({e.Message})");
        }
    }

    /// <summary>Requires that a folder without a training state holds no model either: a new run would overwrite it.</summary>
    /// <exception cref="UsageException">It holds a model.</exception>
    public void RequireNoModel()
    {
        if (File.Exists(Model))
            throw new UsageException($"{Root} holds a model.safetensors but no training state to continue from; choose another --out, or move that file away to begin anew");
    }

    /// <summary>Stores the configuration of the run.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteConfig(string json) => AtomicFile.WriteAllBytes(ConfigPath, Encoding.UTF8.GetBytes(json));

    /// <summary>
    /// Requires that the folder is still the one that was opened, by the lock in it: another one may hold another run by now, which this one must not
    /// overwrite.
    /// </summary>
    /// <exception cref="IOException">The folder was removed, emptied or replaced.</exception>
    public void RequireThere()
    {
        if (FileStatus.Of(LockPath).Identity != identity || !File.Exists(ConfigPath))
            throw new IOException($"{Root}: the folder was removed, moved or replaced while the run was training in it");
    }

    /// <inheritdoc/>
    public void Dispose() => lockFile.Dispose();
}
