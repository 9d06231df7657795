using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public sealed class AtomicFileTests : IDisposable
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

    public void Dispose() => temp.Dispose();
}
