using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Writes files that appear whole or not at all: the content goes to a temporary file in the same folder, is flushed to the disk, and the
/// file is renamed over the target. A reader, or a process that starts after a kill or a power cut, sees the old file or the new one.
/// </summary>
/// <remarks>
/// The temporary file is always a new one: what a killed writer left, or what someone else put there (a link, say), is removed and never written
/// to. A target that is a symbolic link is itself replaced by the file; what it pointed to stays as it is.
/// </remarks>
public static partial class AtomicFile
{
    /// <summary>Suffix of the temporary file's name. The name is fixed, so a killed writer leaves at most one such file.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>
    /// Replaces <paramref name="path"/> by the content that <paramref name="write"/> puts into the stream; missing folders are created. If
    /// <paramref name="write"/> throws, the exception passes through, the old file stays and the temporary one is removed.
    /// </summary>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="IOException">The disk is full, or another writer is writing the same path.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Write(string path, Action<FileStream> write) => Write(path, write, mode: null);

    /// <summary>As <see cref="Write(string, Action{FileStream})"/>, with the permissions of the new file; ignored on Windows.</summary>
    internal static void Write(string path, Action<FileStream> write, UnixFileMode? mode)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string target = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(target) ?? throw new ArgumentException($"'{path}' names no file", nameof(path));
        Directory.CreateDirectory(folder);
        string temporary = target + TemporarySuffix;

        // Opened outside the try: another writer's temporary file is not ours to delete.
        FileStream stream = Create(temporary, mode);
        try
        {
            using (stream)
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }

        SyncFolder(folder);
    }

    /// <summary>Replaces <paramref name="path"/> by <paramref name="bytes"/>, as <see cref="Write(string, Action{FileStream})"/> does.</summary>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="IOException">The disk is full, or another writer is writing the same path.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> bytes) => Write(path, stream => stream.Write(bytes.Span));

    private static FileStream Create(string temporary, UnixFileMode? mode)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1 << 20 };
        if (mode is { } permissions && !OperatingSystem.IsWindows())
            options.UnixCreateMode = permissions;
        if (FileStatus.Of(temporary, follow: false).Kind != FileKind.Absent)
            RemoveLeftover(temporary);
        return new FileStream(temporary, options);
    }

    /// <summary>Removes what stands in the temporary file's place, unless another writer has it open.</summary>
    private static void RemoveLeftover(string temporary)
    {
        if (FileStatus.Of(temporary, follow: false).Kind is not (FileKind.Regular or FileKind.Unknown))
        {
            // A link is removed, not what it points to; opening a pipe could wait for ever. A folder makes this fail.
            File.Delete(temporary);
            return;
        }

        // A living writer holds a lock, which makes this fail. Nothing is written, so that a hard link's other names keep their content. Windows
        // deletes no open file.
        using (new FileStream(temporary, FileMode.Open, FileAccess.Read, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None))
            File.Delete(temporary);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first exception matters more; the next write to this path removes the leftover.
        }
    }

    // The rename is stored in the folder, so it is durable only once the folder is flushed. .NET cannot open folders, hence libc.
    // A failure is ignored: some network file systems refuse to sync a folder, and the rename has happened.
    private static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = OpenDescriptor(folder, flags: 0);
        if (descriptor < 0)
            return;
        _ = SyncDescriptor(descriptor);
        _ = CloseDescriptor(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenDescriptor(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int SyncDescriptor(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseDescriptor(int descriptor);
}
