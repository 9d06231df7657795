using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// Whom the files of compiled kernels are taken from. They are code, so a folder or a file is used only if it belongs to this user and nobody else
/// may write it; a file must not be a symbolic link. Otherwise kernels are compiled anew, and nothing is kept.
/// </summary>
/// <remarks>
/// The check is made on Linux. On Windows the folder lies in the user's profile, whose access list keeps others out, and .NET gives no permissions to
/// compare; on macOS no GPU takes these kernels.
/// </remarks>
public static partial class KernelCache
{
    private const UnixFileMode ForOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private static readonly ConcurrentDictionary<string, bool> Said = [];

    /// <summary>
    /// Raised at most once for a folder and the files in it, with one line that says which of them is not used, why, and what helps. The handler runs
    /// on the thread that loads a kernel.
    /// </summary>
    public static event Action<string>? Refused;

    /// <summary>The folder: see the remarks at <see cref="CubinCache"/>.</summary>
    public static string Folder => CubinCache.Folder();

    /// <summary>Number of the user of this process, on Linux.</summary>
    internal static uint Self => EffectiveUser();

    /// <summary>Returns why the folder is not used; null if it is, or if it does not exist yet.</summary>
    public static string? Refusal() => Refusal(Folder, isFolder: true);

    /// <summary>Whether a file may be read, which includes that its folder may; says so if not. Absent ones may.</summary>
    internal static bool Trusts(string file)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        string? reason = Refusal(folder, isFolder: true) ?? Refusal(file, isFolder: false);
        if (reason is not null && Said.TryAdd(folder, true))
            Refused?.Invoke($"{reason}; kernels are compiled anew");
        return reason is null;
    }

    /// <summary>Writes a file that only this user can read and write, in a folder likewise, unless the folder is not to be trusted.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file cannot be written.</exception>
    internal static void Write(string file, ReadOnlyMemory<byte> content)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        if (!OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder, ForOwner | UnixFileMode.UserExecute);
        if (Refusal(folder, isFolder: true) is null)
            AtomicFile.Write(file, stream => stream.Write(content.Span), ForOwner);
    }

    /// <summary>Returns why a path is not used; null if it is, or if it does not exist.</summary>
    /// <param name="path">The path.</param>
    /// <param name="isFolder">Whether it is a folder, to which a link may lead, or a file, which must not be a link.</param>
    /// <param name="user">Number of the user to whom it must belong; by default that of this process.</param>
    internal static string? Refusal(string path, bool isFolder, uint? user = null)
    {
        FileStatus found = FileStatus.Of(path, follow: isFolder);
        if (!OperatingSystem.IsLinux() || found.Kind is FileKind.Absent or FileKind.Unknown)
            return null;
        uint self = user ?? Self;
        return isFolder && found.Kind != FileKind.Folder ? $"kernel cache {path} is no folder"
            : !isFolder && found.Kind == FileKind.Link ? $"cached kernel {path} is a symbolic link"
            : !isFolder && found.Kind != FileKind.Regular ? $"cached kernel {path} is no regular file"
            : found.Owner != self ? $"{Named()} belongs to user {found.Owner}, this is user {self}; TRIGFLOW_CACHE names another folder"
            : (found.Permissions & OthersWrite) != 0 ? $"{Named()} can be written by others (mode {Convert.ToString((int)found.Permissions, toBase: 8).PadLeft(4, '0')}); chmod go-w makes it safe"
            : null;

        string Named() => $"{(isFolder ? "kernel cache" : "cached kernel")} {path}";
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
