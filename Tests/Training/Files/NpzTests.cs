using System.IO.Compression;
using System.Text;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class NpzTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 5, 7, 3)]
    [InlineData(0, 4, 4, 3)]
    [InlineData(2, 33, 2, 1)]
    public void Round_trips(int count, int height, int width, int channels)
    {
        ByteImages images = Make(count, height, width, channels);
        string path = temp.File("samples.npz");
        Npz.Write(path, images);
        ByteImages read = Npz.Read(path);
        Assert.Equal((count, height, width, channels), (read.Count, read.Height, read.Width, read.Channels));
        Assert.Equal(images.Pixels.ToArray(), read.Pixels.ToArray());
    }

    [Fact]
    public void Entry_is_what_numpy_writes()
    {
        string path = temp.File("samples.npz");
        Npz.Write(path, Make(2, 3, 4, 3));
        using ZipArchive zip = ZipFile.OpenRead(path);
        ZipArchiveEntry entry = Assert.Single(zip.Entries);
        Assert.Equal("arr_0.npy", entry.FullName);

        // Not the time of writing: equal images must give equal files tomorrow too.
        Assert.Equal(new DateTime(1980, 1, 1), entry.LastWriteTime.DateTime);
        using MemoryStream content = new();
        using (Stream stream = entry.Open())
            stream.CopyTo(content);
        byte[] bytes = content.ToArray();
        string dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4, 3), }".PadRight(117) + "\n";
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. Encoding.ASCII.GetBytes(dictionary), .. Make(2, 3, 4, 3).Pixels.Span], bytes);
        Assert.Equal(0, (bytes.Length - 72) % 64);
    }

    [Fact]
    public void Same_images_give_the_same_file()
    {
        Npz.Write(temp.File("a"), Make(2, 3, 4, 3));
        Npz.Write(temp.File("b"), Make(2, 3, 4, 3));
        Assert.Equal(File.ReadAllBytes(temp.File("a")), File.ReadAllBytes(temp.File("b")));
    }

    [Fact]
    public void Compressed_archive_with_other_arrays_and_newer_header_is_read()
    {
        byte[] text = Encoding.ASCII.GetBytes("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 2, 1)}\n");
        byte[] array = [0x93, .. "NUMPY"u8, 2, 0, (byte)text.Length, 0, 0, 0, .. text, 8, 9];
        TestZipEntry[] entries = [new("labels.npy", [1]), new("arr_0.npy", array) { Compress = true }];
        ByteImages images = Npz.Read(temp.Write("x.npz", TestZip.Encode(entries)));
        Assert.Equal([8, 9], images[0].ToArray());
    }

    [Fact]
    public void Batch_refuses_extents_that_do_not_fit()
    {
        Assert.Throws<ArgumentException>(() => new ByteImages(new byte[5], 1, 2, 3, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ByteImages(new byte[4], 1, 2, 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Make(2, 1, 1, 1)[2].ToArray());
    }

    public void Dispose() => temp.Dispose();

    private static ByteImages Make(int count, int height, int width, int channels) => new(
        Enumerable.Range(0, count * height * width * channels).Select(i => (byte)(i * 13 + 5)).ToArray(), count, height, width, channels);
}
