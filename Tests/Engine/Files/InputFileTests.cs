using System.Net.Sockets;
using TrigFlowNative.Engine;
using TrigFlowNative.Tests.Training;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>What is no file is refused by its kind, before it is opened.</summary>
public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public async Task A_pipe_is_refused_at_once_also_behind_a_link()
    {
        SpecialFiles.NeedLinux();
        SpecialFiles.MakePipe(temp.File("pipe"));
        File.CreateSymbolicLink(temp.File("link"), "pipe");
        foreach (string name in new[] { "pipe", "link" })
        {
            Task<string> refusal = Task.Run(() => Refusal(temp.File(name)), TestContext.Current.CancellationToken);
            Assert.Contains("is a pipe", await refusal.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Sockets_devices_and_folders_are_refused_by_their_kind()
    {
        SpecialFiles.NeedLinux();
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(temp.File("socket")));
        Assert.Contains("is a socket", Refusal(temp.File("socket")), StringComparison.Ordinal);
        Assert.Contains("is a device", Refusal("/dev/null"), StringComparison.Ordinal);
        Assert.Contains("is a folder", Refusal(temp.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_told_from_a_link_to_nothing()
    {
        Assert.EndsWith("absent: no such file", Refusal(temp.File("absent")), StringComparison.Ordinal);
        Assert.EndsWith("no such file", Refusal(temp.File("absent/deep")), StringComparison.Ordinal);
        File.CreateSymbolicLink(temp.File("link"), "lost");
        Assert.Contains("it is a link to 'lost', which is not there", Refusal(temp.File("link")), StringComparison.Ordinal);
        File.CreateSymbolicLink(temp.File("round"), "round");
        Assert.Contains("cannot be opened", Refusal(temp.File("round")), StringComparison.Ordinal);
        Assert.Contains("a character of the code 0", Refusal(temp.File("a\0b")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_not_UTF_8_is_the_reason()
    {
        SpecialFiles.NeedLinux();
        using IDisposable named = SpecialFiles.MakeNamed(temp.Path, [(byte)'a', 0xff]);
        string found = Assert.Single(Directory.GetFiles(temp.Path));
        Assert.Contains("bytes that are not UTF-8", Refusal(found), StringComparison.Ordinal);
        Assert.False(InputFile.IsNotUtf8(temp.Write("b\uFFFD", 1)));
    }

    [Fact]
    public void Identity_is_that_of_the_file_not_of_its_name()
    {
        SpecialFiles.NeedLinux();
        string first = temp.Write("a/first", 1), second = temp.Write("a/second", 1);
        Directory.CreateSymbolicLink(temp.File("b"), "a");
        Assert.Equal(FileStatus.Of(first), FileStatus.Of(temp.File("b/../a/first")));
        Assert.Equal(FileStatus.Of(first).Identity, FileStatus.Of(temp.File("b/first")).Identity);
        Assert.NotEqual(FileStatus.Of(first).Identity, FileStatus.Of(second).Identity);
        Assert.Equal((FileKind.Folder, FileKind.Link), (FileStatus.Of(temp.File("b")).Kind, FileStatus.Of(temp.File("b"), follow: false).Kind));
        Assert.Equal((FileKind.Absent, ""), (FileStatus.Of(temp.File("c")).Kind, FileStatus.Of(temp.File("c")).Identity));
    }

    public void Dispose() => temp.Dispose();

    private static string Refusal(string path) => Assert.Throws<InvalidFileException>(() => InputFile.Open(path).Dispose()).Message;
}
