using TrigFlowNative.Engine;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class ImageSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Files_are_taken_in_the_order_of_their_names_and_in_their_size()
    {
        foreach (int i in new[] { 7, 0, 3, 11 })
            folder.Write($"d/img{i:D5}.png", TestPng.Encode(Image(i, 5, 4, 3), 5, 4, 3));
        IImageSource source = ImageSources.Open(folder.File("d"));
        Assert.Equal((4, 5, 4, 3), (source.Count, source.Height, source.Width, source.Channels));
        byte[] expected = [.. new[] { 0, 3, 7, 11 }.SelectMany(i => Image(i, 5, 4, 3))];
        Assert.Equal(expected, All(source));
        Assert.Equal(expected, All(source));
        byte[] zip = TestZip.Encode([.. new[] { 11, 3, 0, 7 }.Select(i => new TestZipEntry($"x/img{i:D5}.png", TestPng.Encode(Image(i, 5, 4, 3), 5, 4, 3)))]);
        Assert.Equal(expected, All(ImageSources.Open(folder.Write("d.zip", zip))));
    }

    /// <summary>A gray picture is seen with three equal channels, as the field repeats it.</summary>
    [Fact]
    public void Gray_pictures_have_three_equal_channels()
    {
        folder.Write("g/0.png", TestPng.Encode(Image(1, 2, 3, 1), 2, 3, 1));
        Assert.Equal(Image(1, 2, 3, 1).SelectMany(value => new[] { value, value, value }), All(ImageSources.Open(folder.File("g"))));
    }

    [Fact]
    public void Pictures_of_several_sizes_and_damaged_ones_are_refused_by_name()
    {
        folder.Write("d/0.png", TestPng.Encode(Image(1, 4, 4, 3), 4, 4, 3));
        folder.Write("d/1.png", TestPng.Encode(Image(1, 4, 6, 3), 4, 6, 3));
        string message = Assert.Throws<InvalidFileException>(() => All(ImageSources.Open(folder.File("d")))).Message;
        Assert.Contains("1.png", message, StringComparison.Ordinal);
        Assert.Contains("has 4x6 pixels, the first has 4x4", message, StringComparison.Ordinal);
        folder.Write("d/0.png", 1, 2, 3);
        Assert.Contains("0.png", Assert.Throws<InvalidFileException>(() => ImageSources.Open(folder.File("d"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Samples_in_an_archive_are_read_with_labels_beside_them(bool deflated)
    {
        byte[] pixels = [.. Enumerable.Range(0, 9).SelectMany(i => Image(i, 3, 2, 3))];
        string path = folder.Write("s.npz", TestZip.Encode(
            [new TestZipEntry("arr_0.npy", MomentsFileTests.Npy("|u1", "9, 3, 2, 3", pixels)) { Compress = deflated }, new TestZipEntry("arr_1.npy", MomentsFileTests.Npy("<i8", "9,", new byte[72]))]));
        IImageSource source = ImageSources.Open(path);
        Assert.Equal((9, 3, 2, 3), (source.Count, source.Height, source.Width, source.Channels));
        Assert.Equal(pixels, All(source));
        IImageSource some = ((NpzSource)source).Take([1, 4, 8], "chosen");
        Assert.Equal([.. Image(1, 3, 2, 3), .. Image(4, 3, 2, 3), .. Image(8, 3, 2, 3)], All(some));
    }

    [Fact]
    public void Archives_of_our_own_are_read()
    {
        byte[] pixels = Image(3, 10, 4, 3);
        Npz.Write(folder.File("s.npz"), new ByteImages(pixels, 10, 2, 2, 3));
        Assert.Equal(pixels, All(ImageSources.Open(folder.File("s.npz"))));
    }

    [Theory]
    [InlineData("<f4", "9, 3, 2, 3", false, "has elements of type '<f4'")]
    [InlineData("|u1", "9, 6, 3", false, "has the shape (9, 6, 3), expected (N, H, W, 1 or 3)")]
    [InlineData("|u1", "10000001, 1, 1, 1", false, "at most 10000000 images")]
    [InlineData("|u1", "9, 3, 3, 2", false, "has the shape (9, 3, 3, 2), expected (N, H, W, 1 or 3)")]
    [InlineData("|u1", "10, 3, 2, 3", false, "has 162 bytes of data, its shape (10, 3, 2, 3) needs 180")]
    [InlineData("|u1", "9, 3, 2, 3", true, "fails its checksum")]
    public void Archives_without_images_are_refused(string type, string shape, bool damaged, string reason)
    {
        string path = folder.Write("s.npz", TestZip.Encode([new TestZipEntry("arr_0.npy", MomentsFileTests.Npy(type, shape, new byte[162])) { Checksum = damaged ? 5 : null }]));
        InvalidFileException refused = Assert.Throws<InvalidFileException>(() => All(ImageSources.Open(path)));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Contains("s.npz", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_more_images_a_sorted_subset_is_taken_by_seed_and_fewer_are_refused()
    {
        Npz.Write(folder.File("s.npz"), new ByteImages(Enumerable.Range(0, 10).Select(i => (byte)i).ToArray(), 10, 1, 1, 1));
        IImageSource ten = ImageSources.Open(folder.File("s.npz"));
        Assert.Same(ten, ImageSources.Exactly(ten, 10, 0, "--count"));

        // numpy.random.RandomState(0) shuffles 0..9 into 2 8 4 9 1 6 7 3 0 5.
        IImageSource five = ImageSources.Exactly(ten, 5, 0, "--count");
        Assert.Equal([1, 2, 4, 8, 9], All(five));
        Assert.Contains("5 of 10 by seed 0", five.Words, StringComparison.Ordinal);
        Assert.NotEqual(All(five), All(ImageSources.Exactly(ten, 5, 1, "--count")));
        Assert.Contains("holds 10 images, fewer than --count 11", Assert.Throws<UsageException>(() => ImageSources.Exactly(ten, 11, 0, "--count")).Message, StringComparison.Ordinal);
        for (int i = 0; i < 10; i++)
            folder.Write($"d/{i}.png", TestPng.Encode([(byte)i, (byte)i, (byte)i], 1, 1, 3));
        Assert.Equal([1, 2, 4, 8, 9], All(ImageSources.Exactly(ImageSources.Open(folder.File("d")), 5, 0, "--count")).Where((_, i) => i % 3 == 0));
    }

    public void Dispose() => folder.Dispose();

    private static byte[] All(IImageSource source) => [.. source.Read().SelectMany(part => part.Pixels.ToArray())];

    private static byte[] Image(int seed, int height, int width, int channels)
    {
        byte[] pixels = new byte[height * width * channels];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }
}
