using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Writes files that appear whole or not at all: the content goes to a temporary file in the same folder, is flushed to the disk, and the
/// file is renamed over the target. A reader, or a process that starts after a kill or a power cut, sees the old file or the new one.
/// </summary>
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
    public static void Write(string path, Action<FileStream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string target = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(target) ?? throw new ArgumentException($"'{path}' names no file", nameof(path));
        Directory.CreateDirectory(folder);
        string temporary = target + TemporarySuffix;

        // Opened outside the try: another writer's temporary file is not ours to delete.
        FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
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

    /// <summary>Replaces <paramref name="path"/> by <paramref name="bytes"/>, as <see cref="Write"/> does.</summary>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="IOException">The disk is full, or another writer is writing the same path.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void WriteAllBytes(string path, ReadOnlyMemory<byte> bytes) => Write(path, stream => stream.Write(bytes.Span));

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first exception matters more; the next write to this path overwrites the leftover.
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
