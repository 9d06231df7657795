using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>Who owns a file and what others may do with it, on Linux, by statx, whose structure is the same on all processors.</summary>
/// <param name="UserId">Number of the owner.</param>
/// <param name="Mode">Permissions and kind, as in st_mode.</param>
internal readonly partial record struct FileOwner(uint UserId, ushort Mode)
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint BasicStatistics = 0x7ff;
    private const int StructureBytes = 256;
    private const int KindBits = 0xf000, Regular = 0x8000, Folder = 0x4000, Link = 0xa000;
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Number of the user of this process.</summary>
    internal static uint Self => EffectiveUser();

    internal bool IsRegular => (Mode & KindBits) == Regular;

    internal bool IsFolder => (Mode & KindBits) == Folder;

    internal bool IsLink => (Mode & KindBits) == Link;

    /// <summary>Whether the group or all users may write.</summary>
    internal bool IsWritableByOthers => (Mode & (int)OthersWrite) != 0;

    /// <summary>The permissions as chmod takes them, such as 0755.</summary>
    internal string Permissions => Convert.ToString(Mode & 0xfff, toBase: 8).PadLeft(4, '0');

    /// <summary>Asks about a path; null if there is nothing or the system gives no answer.</summary>
    /// <param name="path">The path.</param>
    /// <param name="follow">Whether to go where a symbolic link points.</param>
    internal static FileOwner? Of(string path, bool follow)
    {
        Span<byte> status = stackalloc byte[StructureBytes];
        return Statx(CurrentFolder, path, follow ? 0 : NoFollow, BasicStatistics, ref MemoryMarshal.GetReference(status)) == 0
            ? new FileOwner(BitConverter.ToUInt32(status[20..]), BitConverter.ToUInt16(status[28..]))
            : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
