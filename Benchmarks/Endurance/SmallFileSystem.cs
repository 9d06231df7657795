using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>A file system in memory (tmpfs) of a given size, on Linux and with the rights to mount one.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    private SmallFileSystem(string path) => Path = path;

    /// <summary>Where it is mounted.</summary>
    public string Path { get; }

    /// <summary>Mounts one over an empty folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="room">Its limits.</param>
    /// <exception cref="UsageException">This system, or this user, cannot mount one.</exception>
    public static SmallFileSystem Mount(string path, Room room)
    {
        Call("mount", "-t", "tmpfs", "-o", room.ToOptions(), "tmpfs", path);
        return new SmallFileSystem(path);
    }

    /// <summary>Changes the limits; the files stay.</summary>
    public void Resize(Room room) => Call("mount", "-o", "remount," + room.ToOptions(), Path);

    /// <summary>Unmounts it, with its files.</summary>
    public void Dispose() => Call("umount", Path);

    private static void Call(string program, params IEnumerable<string> arguments)
    {
        const string need = "the trial of full disks mounts a small tmpfs, which needs Linux and root (or 'unshare --user --map-root-user --mount' before the command)";
        if (!OperatingSystem.IsLinux())
            throw new UsageException(need);
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            string errors = process.StandardError.ReadToEnd().Trim();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new UsageException($"{need}: {errors.ReplaceLineEndings(" ")}");
        }
        catch (Win32Exception e)
        {
            throw new UsageException($"{need}: {e.Message}");
        }
    }
}

/// <summary>Limits of a file system.</summary>
/// <param name="Pages">Pages of 4096 bytes for contents, at least 1.</param>
/// <param name="Inodes">Number of files and folders, its root included.</param>
internal readonly record struct Room(long Pages, long Inodes)
{
    /// <summary>Bytes of a page.</summary>
    public const int PageBytes = 4096;

    /// <summary>More than a short training needs.</summary>
    public static Room Ample { get; } = new(1 << 16, 1 << 12);

    /// <summary>The limits as options of mount.</summary>
    public string ToOptions() => string.Create(CultureInfo.InvariantCulture, $"size={Pages * PageBytes},nr_inodes={Inodes}");

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Pages} pages, {Inodes} inodes");
}
