using System.Runtime.Versioning;
using TrigFlowNative.Engine.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>Kernels are code: they come from files that nobody else could have written, or are compiled anew.</summary>
[SupportedOSPlatform("linux")]
public sealed class KernelCacheTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly byte[] Binary = [1, 2, 3];
    private readonly TemporaryFolder temp = new();
    private readonly List<string> said = [];

    public KernelCacheTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the permissions are Linux's");
        KernelCache.Refused += Hear;
    }

    [Fact]
    public void New_folder_and_files_are_for_this_user_alone()
    {
        CubinCache.TryWrite(temp.File("deep/cache/a.cubin"), Binary);
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(temp.File("deep/cache")));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(temp.File("deep/cache/a.cubin")));
        Assert.Equal(Binary, CubinCache.TryRead(temp.File("deep/cache/a.cubin")));
        Assert.Empty(said);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Folder_that_others_can_write_is_not_used(UnixFileMode others)
    {
        string folder = temp.File("cache"), file = temp.File("cache/a.cubin");
        CubinCache.TryWrite(file, Binary);
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | others);
        Assert.Null(CubinCache.TryRead(file));
        CubinCache.TryWrite(temp.File("cache/b.cubin"), Binary);
        Assert.False(File.Exists(temp.File("cache/b.cubin")));
        Assert.Null(CubinCache.TryRead(file));
        string line = Assert.Single(said);
        Assert.StartsWith($"kernel cache {folder} can be written by others (mode 07", line, StringComparison.Ordinal);
        Assert.EndsWith("chmod go-w makes it safe; kernels are compiled anew", line, StringComparison.Ordinal);

        File.SetUnixFileMode(folder, OwnerOnly | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.OtherExecute);
        Assert.Equal(Binary, CubinCache.TryRead(file));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite, false)]
    [InlineData(UnixFileMode.OtherWrite, false)]
    [InlineData(UnixFileMode.GroupRead | UnixFileMode.OtherRead, true)]
    public void File_that_others_can_write_is_not_used_and_is_replaced(UnixFileMode others, bool used)
    {
        string file = temp.File("a.cubin");
        CubinCache.TryWrite(file, Binary);
        File.SetUnixFileMode(file, OwnerOnly | others);
        Assert.Equal(used ? Binary : null, CubinCache.TryRead(file));
        Assert.Equal(used ? 0 : 1, said.Count);
        CubinCache.TryWrite(file, Binary);
        Assert.Equal(Binary, CubinCache.TryRead(file));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(file));
    }

    [Fact]
    public void File_that_is_a_link_is_not_used_though_a_folder_may_be_one()
    {
        CubinCache.TryWrite(temp.File("cache/a.cubin"), Binary);
        File.CreateSymbolicLink(temp.File("cache/b.cubin"), temp.File("cache/a.cubin"));
        Assert.Null(CubinCache.TryRead(temp.File("cache/b.cubin")));
        Assert.Contains("b.cubin is a symbolic link", Assert.Single(said), StringComparison.Ordinal);
        Directory.CreateSymbolicLink(temp.File("link"), temp.File("cache"));
        Assert.Equal(Binary, CubinCache.TryRead(temp.File("link/a.cubin")));
        File.SetUnixFileMode(temp.File("cache"), OwnerOnly | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);
        Assert.Null(CubinCache.TryRead(temp.File("link/a.cubin")));
    }

    [Fact]
    public void What_belongs_to_another_user_is_not_used()
    {
        string file = temp.Write("cache/a.cubin", Binary);
        uint other = KernelCache.Self + 1;
        Assert.Null(KernelCache.Refusal(file, isFolder: false));
        Assert.Null(KernelCache.Refusal(temp.File("cache"), isFolder: true));
        Assert.Contains($"belongs to user {KernelCache.Self}, this is user {other}", KernelCache.Refusal(file, isFolder: false, other), StringComparison.Ordinal);
        Assert.Contains($"belongs to user {KernelCache.Self}, this is user {other}", KernelCache.Refusal(temp.File("cache"), isFolder: true, other), StringComparison.Ordinal);
        Assert.Null(KernelCache.Refusal(temp.File("absent"), isFolder: true, other));
        Assert.Contains("is no folder", KernelCache.Refusal(file, isFolder: true), StringComparison.Ordinal);
        Assert.Contains("is no regular file", KernelCache.Refusal(temp.File("cache"), isFolder: false), StringComparison.Ordinal);
    }

    // Other tests may have folders of their own refused meanwhile.
    private void Hear(string line)
    {
        if (line.Contains(temp.Path, StringComparison.Ordinal))
            said.Add(line);
    }

    public void Dispose()
    {
        KernelCache.Refused -= Hear;
        temp.Dispose();
    }
}
