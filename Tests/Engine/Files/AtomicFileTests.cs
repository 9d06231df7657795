using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public sealed partial class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Createstemps_and_replaces_a_longer_file()
    {
        string path = temp.File("a/b/c.bin");
        AtomicFile.WriteAllBytes(path, new byte[100]);
        AtomicFile.WriteAllBytes(path, new byte[] { 1, 2 });
        Assert.Equal([1, 2], Assert.Single(temp.Contents()).Value);
    }

    [Fact]
    public void Old_file_is_whole_until_the_new_one_is_complete()
    {
        string path = temp.Write("c.bin", 1, 2, 3);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[1 << 21]);
            stream.Flush();
            Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        });
        Assert.Equal(1 << 21, new FileInfo(path).Length);
    }

    [Fact]
    public void Failure_midway_leaves_the_old_file_and_no_litter()
    {
        string path = temp.Write("c.bin", 1, 2, 3);
        TimeoutException thrown = Assert.Throws<TimeoutException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[1 << 21]);
            throw new TimeoutException("disk gone");
        }));
        Assert.Equal("disk gone", thrown.Message);
        Assert.Equal([1, 2, 3], Assert.Single(temp.Contents()).Value);
    }

    [Fact]
    public void Leftover_of_a_killed_writer_is_overwritten()
    {
        temp.Write("c.bin" + AtomicFile.TemporarySuffix, new byte[50]);
        AtomicFile.WriteAllBytes(temp.File("c.bin"), new byte[] { 4 });
        Assert.Equal([4], Assert.Single(temp.Contents()).Value);
    }

    [Fact]
    public void Second_writer_fails_without_disturbing_the_first()
    {
        string path = temp.File("c.bin");
        AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(9);
            Assert.Throws<IOException>(() => AtomicFile.WriteAllBytes(path, new byte[] { 1 }));
        });
        Assert.Equal([9], File.ReadAllBytes(path));
    }

    [Fact]
    public void Target_that_is_a_folder_fails_and_stays()
    {
        string inside = temp.Write("c.bin/inside", 1);
        Assert.ThrowsAny<Exception>(() => AtomicFile.WriteAllBytes(temp.File("c.bin"), new byte[] { 1 }));
        Assert.Equal(inside, Assert.Single(temp.Contents()).Key);
    }

    /// <summary>Someone who may write in the folder puts a link where the temporary file will be, to have another file overwritten.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Symbolic_link_in_the_temporary_place_is_not_written_through(bool dangling)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a right there");
        string victim = temp.File("victim");
        if (!dangling)
            temp.Write("victim", 7, 7);
        File.CreateSymbolicLink(temp.File("c.bin" + AtomicFile.TemporarySuffix), victim);
        AtomicFile.WriteAllBytes(temp.File("c.bin"), new byte[] { 4 });
        Assert.Null(new FileInfo(temp.File("c.bin")).LinkTarget);
        Assert.Equal([4], File.ReadAllBytes(temp.File("c.bin")));
        Assert.Equal(dangling ? [] : [7, 7], File.Exists(victim) ? File.ReadAllBytes(victim) : []);
        Assert.Equal(!dangling, File.Exists(victim));
        Assert.False(File.Exists(temp.File("c.bin" + AtomicFile.TemporarySuffix)));
    }

    [Fact]
    public void Hard_link_in_the_temporary_place_keeps_its_other_name_whole()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "made by libc");
        string victim = temp.Write("victim", 7, 7);
        Assert.Equal(0, Link(victim, temp.File("c.bin" + AtomicFile.TemporarySuffix)));
        AtomicFile.WriteAllBytes(temp.File("c.bin"), new byte[] { 4 });
        Assert.Equal([7, 7], File.ReadAllBytes(victim));
        Assert.Equal([4], File.ReadAllBytes(temp.File("c.bin")));
    }

    /// <summary>Opening a pipe would wait until someone reads it.</summary>
    [Fact]
    public void Pipe_in_the_temporary_place_is_removed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "made by libc");
        Assert.Equal(0, MakePipe(temp.File("c.bin" + AtomicFile.TemporarySuffix), 0x180));
        Thread writer = new(() => AtomicFile.WriteAllBytes(temp.File("c.bin"), new byte[] { 4 })) { IsBackground = true };
        writer.Start();
        Assert.True(writer.Join(TimeSpan.FromSeconds(20)));
        Assert.Equal([4], Assert.Single(temp.Contents()).Value);
    }

    [Fact]
    public void Target_that_is_a_link_is_replaced_and_what_it_pointed_to_stays()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a right there");
        string victim = temp.Write("victim", 7, 7);
        File.CreateSymbolicLink(temp.File("c.bin"), victim);
        AtomicFile.WriteAllBytes(temp.File("c.bin"), new byte[] { 4 });
        Assert.Null(new FileInfo(temp.File("c.bin")).LinkTarget);
        Assert.Equal([7, 7], File.ReadAllBytes(victim));
    }

    [Fact]
    public void Many_writers_at_once_leave_one_of_their_contents_whole()
    {
        string path = temp.File("c.bin");
        int written = 0;
        Parallel.For(0, 200, i =>
        {
            try
            {
                AtomicFile.WriteAllBytes(path, Enumerable.Repeat((byte)i, 5000).ToArray());
                Interlocked.Increment(ref written);
            }
            catch (IOException)
            {
                // Another writer was first.
            }
        });
        Assert.InRange(written, 1, 200);
        byte[] bytes = Assert.Single(temp.Contents()).Value;
        Assert.Equal(Enumerable.Repeat(bytes[0], 5000), bytes);
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string from, string to);

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, uint mode);

    public void Dispose() => temp.Dispose();
}
