using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Makes what .NET can't: named pipes, names that are not UTF-8, and a thread without the rights of root. Linux alone.</summary>
internal static partial class SpecialFiles
{
    private const int Nobody = 65534;

    /// <summary>Skips a test elsewhere.</summary>
    public static void NeedLinux() => Assert.SkipUnless(OperatingSystem.IsLinux(), "it needs Linux's files");

    /// <summary>Makes a named pipe.</summary>
    public static void MakePipe(string path) => Assert.Equal(0, MakeFifo(path, 0x1b6));

    /// <summary>Makes an empty file or a folder whose name has the given bytes; removes it at the end, which .NET can't.</summary>
    public static IDisposable MakeNamed(string folder, byte[] name, bool isFolder = false)
    {
        byte[] path = [.. Encoding.UTF8.GetBytes(folder), (byte)'/', .. name, 0];
        Assert.Equal(0, isFolder ? MakeFolder(path, 0x1ff) : Close(Create(path, 0x1ff)));
        return new Removal(path);
    }

    /// <summary>Runs on a thread that has no right to files beyond those of everybody, though the process be root's.</summary>
    public static void WithoutRights(Action action)
    {
        Exception? failure = null;
        Thread thread = new(() =>
        {
            _ = SetFileUser(Nobody); // of this thread alone
            try
            {
                action();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            Assert.Fail(failure.ToString());
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdir")]
    private static partial int MakeFolder(byte[] path, uint mode);

    [LibraryImport("libc", EntryPoint = "creat")]
    private static partial int Create(byte[] path, uint mode);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "remove")]
    private static partial int Remove(byte[] path);

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileUser(int user);

    private sealed class Removal(byte[] path) : IDisposable
    {
        public void Dispose() => _ = Remove(path);
    }
}
