using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Writes files that appear whole or not at all: the content goes to a temporary name in the same folder, is flushed to the disk and then
/// renamed over the target. A reader, or a process that starts after a kill or a power cut, sees the old file or the new one.
/// </summary>
public static partial class AtomicFile
{
    /// <summary>What a write in progress adds to the target's name. The name is fixed, so that a killed writer leaves at most one such file.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>
    /// Replaces <paramref name="path"/> by what <paramref name="write"/> puts into the stream; missing folders are created. If
    /// <paramref name="write"/> throws, the exception passes through, the old file stays and the temporary one is removed.
    /// </summary>
    /// <exception cref="IOException">The disk is full, or another writer is at work on the same path.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string target = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(target) ?? throw new ArgumentException($"'{path}' names no file", nameof(path));
        Directory.CreateDirectory(folder);
        string temporary = target + TemporarySuffix;

        // Opened outside the try: if another writer holds the temporary file, it is not ours to delete.
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

    /// <summary>Replaces <paramref name="path"/> by <paramref name="bytes"/>, see <see cref="Write"/>.</summary>
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

    // The rename itself lives in the folder's data, so it is durable only once the folder is flushed. .NET opens no folders, hence libc.
    // Failure is no error: some network file systems refuse to sync a folder, and the rename has happened.
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
