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
    private readonly FileStream? lockFile;
    private readonly string identity;
    private readonly IReadOnlyList<string> made;

    /// <param name="path">The folder.</param>
    /// <param name="lockFile">The lock; null if there is none.</param>
    /// <param name="made">What was made for the run, the lock first, then folders from the inside out: removed again if no run begins.</param>
    private RunDirectory(string path, FileStream? lockFile, IReadOnlyList<string> made)
    {
        Root = path;
        this.lockFile = lockFile;
        this.made = made;
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

    /// <summary>Opens a run's folder, creating it if necessary, and locks it against a second process. Unless a run begins in it, what was created is removed again.</summary>
    /// <exception cref="IOException">Another process trains in the folder, or the folder cannot be created or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written.</exception>
    public static RunDirectory Open(string path)
    {
        List<string> made = [.. Missing(path)];
        Directory.CreateDirectory(path);
        string file = Path.Combine(path, ".lock");
        if (!File.Exists(file))
            made.Insert(0, file);
        return Lock(path, file, made);
    }

    /// <summary>Opens a run's folder to look at it, locked if it has a lock; null if there is no such folder.</summary>
    /// <exception cref="IOException">Another process trains in the folder, it cannot be read, or is a file.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be read.</exception>
    public static RunDirectory? OpenExisting(string path)
    {
        if (File.Exists(path))
            throw new IOException($"{path}: is a file, but a run needs a folder");
        string file = Path.Combine(path, ".lock");
        return !Directory.Exists(path) ? null : File.Exists(file) ? Lock(path, file, []) : new RunDirectory(path, null, []);
    }

    /// <summary>The folders that are missing on the way to one, from the inside out.</summary>
    private static IEnumerable<string> Missing(string path)
    {
        for (string? folder = Path.GetFullPath(path); folder is not null && !Directory.Exists(folder); folder = Path.GetDirectoryName(folder))
            yield return folder;
    }

    private static RunDirectory Lock(string path, string file, IReadOnlyList<string> made)
    {
        if (FileStatus.Of(file, follow: false).Kind is not (FileKind.Absent or FileKind.Regular or FileKind.Unknown))
            throw new IOException($"{file}: is no regular file; remove it"); // a pipe's opening would wait for ever
        try
        {
            // The lock dies with the process, whatever kills it.
            return new RunDirectory(path, new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None), made);
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

    /// <summary>Releases the lock, and removes what was created for a run that did not begin.</summary>
    public void Dispose()
    {
        bool begun = File.Exists(ConfigPath);
        if (!begun && !OperatingSystem.IsWindows())
            Remove(); // while the lock holds, so that no other process's is removed
        lockFile?.Dispose();
        if (!begun && OperatingSystem.IsWindows())
            Remove(); // there an open file stays
    }

    private void Remove()
    {
        try
        {
            foreach (string each in made)
                if (each == LockPath)
                    File.Delete(each);
                else
                    Directory.Delete(each); // only if it is empty
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Something else lies in it by now, or the disk is gone: it stays.
        }
    }
}
