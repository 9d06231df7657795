using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Cli;

/// <summary>Tries a folder for output before hours of work are spent on what shall go into it.</summary>
internal static class OutputFolder
{
    /// <summary>Creates the folder if necessary, writes a small file into it and deletes it again.</summary>
    /// <param name="option">Name of the option that gave the path.</param>
    /// <param name="path">The folder.</param>
    /// <param name="bytes">Size of what shall be written, in bytes.</param>
    /// <param name="files">Names of the files that shall be written.</param>
    /// <exception cref="UsageException">The path is a file, a file to be written is a folder, the folder cannot be written to, or its disk has not as much space.</exception>
    public static void Require(string option, string path, long bytes, params ReadOnlySpan<string> files)
    {
        if (File.Exists(path))
            throw new UsageException($"{option} {path}: is a file, expected a folder");
        foreach (string file in files)
            if (Directory.Exists(Path.Combine(path, file)))
                throw new UsageException($"{option} {path}: {file} in it is a folder, but shall be written as a file");
        try
        {
            Directory.CreateDirectory(path);
            string probe = Path.Combine(path, $".trigflow-{Guid.NewGuid():N}");
            using (new FileStream(probe, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose }))
            {
                // Its creation is the trial.
            }

            long free = new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace;
            if (free < bytes)
                throw new UsageException($"{option} {path}: needs {MemoryLimitException.Format(bytes)}, but the disk has {MemoryLimitException.Format(free)} free");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UsageException($"{option} {path}: cannot be written to ({e.Message.ReplaceLineEndings(" ")})");
        }
    }
}
