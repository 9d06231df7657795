using System.Globalization;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Images that stay on the disk and are decoded when they are read are the same as those in memory.</summary>
public sealed class StreamedImagesTests : IDisposable
{
    private const int Count = 40;
    private static readonly ImageFit Fit = new(8, 3);
    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Streamed_images_equal_those_in_memory(bool zip, bool compress)
    {
        string path = zip ? MakeZip(compress) : MakeFolder();
        IImageDataset kept = Open(path, null), streamed = Open(path, 0);
        Assert.Equal((false, true), (kept.IsDecodedOnRead, streamed.IsDecodedOnRead));
        Assert.Equal(4, streamed.LabelCount);
        Assert.Equal(TestImages.LabelsOf(kept), TestImages.LabelsOf(streamed));
        Assert.Equal(TestImages.ReadAll(kept), TestImages.ReadAll(streamed));
        Assert.Equal(40, TestImages.ReadAll(kept).Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal(PixelStatistics.Measure(kept), PixelStatistics.Measure(streamed));
        Assert.Throws<ArgumentException>(() => streamed.Read(0, new byte[8]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void Batches_of_streamed_images_equal_those_of_images_in_memory(int size)
    {
        string path = MakeZip(compress: true);
        using BatchLoader kept = Loader(Open(path, null), size), streamed = Loader(Open(path, 0), size);
        for (int step = 5; step < 25; step++)
        {
            ImageBatch expected = kept.Next(), actual = streamed.Next();
            Assert.Equal((step, step), ((int)expected.Step, (int)actual.Step));
            Assert.Equal(expected.Pixels, actual.Pixels);
            Assert.Equal(expected.Labels, actual.Labels);
        }

        static BatchLoader Loader(IImageDataset data, int size)
        {
            DatasetSplit split = DatasetSplit.Of(data);
            Assert.Equal(data.IsDecodedOnRead, split.Train.IsDecodedOnRead);
            return new BatchLoader(split.Train, size, seed: 3, firstStep: 5, flip: true);
        }
    }

    [Fact]
    public void Sets_are_streamed_from_the_byte_beyond_the_limit_on()
    {
        string path = MakeFolder();
        Assert.False(Open(path, Count * 8 * 8 * 3).IsDecodedOnRead);
        Assert.True(Open(path, Count * 8 * 8 * 3 - 1).IsDecodedOnRead);
    }

    /// <summary>A small archive of images that would be gigabytes at the model's size is streamed too.</summary>
    [Fact]
    public void Small_archive_of_very_many_pixels_is_not_unpacked_into_memory()
    {
        string path = MakeZip(compress: false);
        using ImageZip zip = new(path);
        long before = GC.GetAllocatedBytesForCurrentThread();
        IImageDataset data = zip.ReadAll(new ImageFit(4096, 3));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.True(data.IsDecodedOnRead);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Damage_in_mid_training_names_the_file_after_the_good_batches(bool zip)
    {
        string path = zip ? MakeZip(compress: false) : MakeFolder();
        IImageDataset data = Open(path, 0);
        int[] third = new int[8];
        new BatchOrder(Count, seed: 4).Fill(2, third);
        if (zip)
        {
            // The archive is rewritten in place: one byte of one image.
            byte[] archive = File.ReadAllBytes(path);
            byte[] name = Encoding.ASCII.GetBytes(Name(third[3]));
            archive[archive.AsSpan().IndexOf(name) + name.Length + 60] ^= 0x55;
            File.WriteAllBytes(path, archive);
        }
        else
        {
            File.Delete(Path.Combine(path, Name(third[3])));
        }

        using BatchLoader loader = new(data, 8, seed: 4);
        Assert.Equal(0, loader.Next().Step);
        Assert.Equal(1, loader.Next().Step);
        var refusal = Assert.Throws<InvalidFileException>(() => loader.Next());
        Assert.Equal(zip ? $"{path}: entry '{Name(third[3])}' fails its checksum" : $"{Path.Combine(path, Name(third[3]))}: no such file", refusal.Message);
    }

    [Fact]
    public void Measuring_finds_the_first_damaged_file_before_training()
    {
        string path = MakeFolder();
        File.WriteAllBytes(Path.Combine(path, Name(31)), [1]);
        File.WriteAllBytes(Path.Combine(path, Name(17)), File.ReadAllBytes(Path.Combine(path, Name(17)))[..^30]);
        var refusal = Assert.Throws<InvalidFileException>(() => PixelStatistics.Measure(Open(path, 0)));
        Assert.Equal($"{Path.Combine(path, Name(17))}: is a truncated image", refusal.Message);
        Assert.Equal(refusal.Message, Assert.Throws<InvalidFileException>(() => Open(path, null)).Message);
    }

    public void Dispose() => temp.Dispose();

    private static IImageDataset Open(string path, long? maxBytes)
    {
        using EncodedImages images = Directory.Exists(path) ? new ImageFolder(path) : new ImageZip(path);
        return images.ReadAll(Fit, maxBytes);
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"{i / 10:d2}/{i:d3}.png");

    // Sizes below, at and above the model's, gray and coloured.
    private static byte[] Image(int i)
    {
        (int side, int channels) = (6 + i % 5, i % 3 == 0 ? 1 : 3);
        return TestPng.Encode([.. Enumerable.Range(0, side * side * channels).Select(p => TestImages.PixelOf(i, p))], side, side, channels);
    }

    private string MakeFolder()
    {
        for (int i = 0; i < Count; i++)
            temp.Write($"set/{Name(i)}", Image(i));
        return temp.File("set");
    }

    private string MakeZip(bool compress)
    {
        string labels = string.Join(", ", Enumerable.Range(0, Count).Select(i => $"[\"{Name(i)}\", {i / 10}]"));
        TestZipEntry[] entries =
        [
            new("note.txt", [1, 2]), // so that images and entries are numbered differently
            .. Enumerable.Range(0, Count).Reverse().Select(i => new TestZipEntry(Name(i), Image(i)) { Compress = compress && i % 4 != 0 }),
            new("dataset.json", Encoding.UTF8.GetBytes($"{{\"labels\": [{labels}]}}")) { Compress = compress },
        ];
        return temp.Write("set.zip", TestZip.Encode(entries));
    }
}
