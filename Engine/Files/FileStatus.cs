using System.Globalization;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// The kind of a file and its identity, taken without opening it. .NET tells links and folders apart, but neither pipes, whose opening may
/// wait for ever, nor two names of one folder; so Linux is asked itself, by statx, whose structure is the same on all processors.
/// </summary>
public readonly partial record struct FileStatus
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint BasicStatistics = 0x7ff;
    private const int StructureBytes = 256;
    private const int NoSuchFile = 2;
    private const int NotAFolder = 20;

    private readonly ulong device, inode;
    private readonly string? path;

    private FileStatus(FileKind kind, string? path = null, ulong device = 0, ulong inode = 0) =>
        (Kind, this.path, this.device, this.inode) = (kind, path, device, inode);

    /// <summary>What stands under the path.</summary>
    public FileKind Kind { get; }

    /// <summary>
    /// Text that two names share if and only if they lead to one file or folder: device and inode on Linux, elsewhere the full path behind a
    /// link; empty for <see cref="FileKind.Absent"/> and <see cref="FileKind.Unknown"/>.
    /// </summary>
    public string Identity => Kind is FileKind.Absent or FileKind.Unknown ? "" : path ?? string.Create(CultureInfo.InvariantCulture, $"{device}:{inode}");

    /// <summary>Number of the user who owns the file; 0 where it is not known: elsewhere than on Linux, and for what is absent or unknown.</summary>
    internal uint Owner { get; private init; }

    /// <summary>Who may read, write and execute the file; none where it is not known, see <see cref="Owner"/>.</summary>
    internal UnixFileMode Permissions { get; private init; }

    /// <summary>Asks about a path.</summary>
    /// <param name="path">The path; never opened.</param>
    /// <param name="follow">Whether to go where a link points; otherwise the link itself is meant, and its kind is <see cref="FileKind.Link"/>.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static FileStatus Of(string path, bool follow = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return OperatingSystem.IsLinux() ? OnLinux(path, follow) : ByAttributes(path, follow);
    }

    private static FileStatus OnLinux(string path, bool follow)
    {
        Span<byte> status = stackalloc byte[StructureBytes];
        if (Statx(CurrentFolder, path, follow ? 0 : NoFollow, BasicStatistics, ref MemoryMarshal.GetReference(status)) != 0)
            return new FileStatus(Marshal.GetLastPInvokeError() is NoSuchFile or NotAFolder ? FileKind.Absent : FileKind.Unknown);
        FileKind kind = (BitConverter.ToUInt16(status[28..]) >> 12) switch
        {
            1 => FileKind.Pipe,
            2 or 6 => FileKind.Device,
            4 => FileKind.Folder,
            8 => FileKind.Regular,
            10 => FileKind.Link,
            12 => FileKind.Socket,
            _ => FileKind.Unknown,
        };
        ulong inode = BitConverter.ToUInt64(status[32..]);
        ulong device = (ulong)BitConverter.ToUInt32(status[136..]) << 32 | BitConverter.ToUInt32(status[140..]);
        return new FileStatus(kind, device: device, inode: inode)
        {
            Owner = BitConverter.ToUInt32(status[20..]),
            Permissions = (UnixFileMode)(BitConverter.ToUInt16(status[28..]) & 0xfff),
        };
    }

    private static FileStatus ByAttributes(string path, bool follow)
    {
        try
        {
            FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
            if (info.LinkTarget is null)
                return new FileStatus(!info.Exists ? FileKind.Absent : info is DirectoryInfo ? FileKind.Folder : FileKind.Regular, info.FullName);
            if (!follow)
                return new FileStatus(FileKind.Link, info.FullName);
            return info.ResolveLinkTarget(returnFinalTarget: true) is { Exists: true } target
                ? new FileStatus(target is DirectoryInfo ? FileKind.Folder : FileKind.Regular, target.FullName)
                : new FileStatus(FileKind.Absent);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FileStatus(FileKind.Unknown);
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte status);
}
