using System.Text;
using SkiaSharp;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Sub_folders_are_classes_in_the_order_of_their_names()
    {
        temp.Write("dog/1.png", Png(10, 3));
        temp.Write("cat/deep/2.PNG", Png(20, 3));
        temp.Write("cat/0.png", Png(30, 3));
        temp.Write("ant/0.png", Png(40, 1));
        temp.Write("readme.txt", 1, 2);
        using ImageFolder folder = new(temp.Path);
        IImageDataset store = folder.ReadAll(new ImageFit(8, 3));
        Assert.Equal(3, store.LabelCount);
        Assert.Equal([0, 1, 1, 2], TestImages.LabelsOf(store));
        byte[] gray = [.. Pixels(40, 1).SelectMany(value => Enumerable.Repeat(value, 3))];
        Assert.Equal([gray, Pixels(30, 3), Pixels(20, 3), Pixels(10, 3)], TestImages.ReadAll(store));
    }

    [Fact]
    public void Images_directly_in_the_folder_have_no_labels()
    {
        for (int i = 0; i < 300; i++)
            temp.Write($"{i:d3}.png", Png(i, 3));
        using ImageFolder folder = new(temp.Path);
        IImageDataset store = folder.ReadAll(new ImageFit(8, 3));
        Assert.Equal(0, store.LabelCount);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => Pixels(i, 3)), TestImages.ReadAll(store));
    }

    [Fact]
    public void Edm_layout_gives_the_same_from_a_zip_and_from_a_folder()
    {
        byte[] labels = Encoding.UTF8.GetBytes("""{"labels": [["00000/img1.png", 6], ["00000\\img0.png", 2], ["00001/img2.png", 0]]}""");
        TestZipEntry[] entries =
        [
            new("00001/img2.png", Png(3, 3)), new("dataset.json", labels) { Compress = true },
            new("00000/img1.png", Png(2, 3)) { Compress = true }, new("00000/img0.png", Png(1, 3)),
        ];
        foreach (TestZipEntry entry in entries)
            temp.Write($"folder/{entry.Name}", entry.Content);
        string path = temp.Write("set.zip", TestZip.Encode(entries));

        using ImageZip zip = new(path);
        using ImageFolder folder = new(temp.File("folder"));
        foreach (ImageStore store in new[] { zip.ReadAll(new ImageFit(8, 3)), folder.ReadAll(new ImageFit(8, 3)) })
        {
            Assert.Equal(7, store.LabelCount);
            Assert.Equal([2, 6, 0], TestImages.LabelsOf(store));
            Assert.Equal([Pixels(1, 3), Pixels(2, 3), Pixels(3, 3)], TestImages.ReadAll(store));
        }

        Assert.Equal(TestImages.Inventory(ImageDataset.Open(path, 8, 3)), TestImages.Inventory(ImageDataset.Open(temp.File("folder"), 8, 3)));
    }

    [Theory]
    [InlineData("{\"labels\": null}")]
    [InlineData("{}")]
    public void Zip_whose_dataset_json_has_no_labels_has_none(string json)
    {
        TestZipEntry[] entries = [new("a/1.png", Png(5, 1)), new("b/0.png", Png(6, 1)), new("dataset.json", Encoding.UTF8.GetBytes(json))];
        using ImageZip zip = new(temp.Write("set.ZIP", TestZip.Encode(entries)));
        IImageDataset store = zip.ReadAll(new ImageFit(8, 1));
        Assert.Equal(0, store.LabelCount);
        Assert.Equal([Pixels(5, 1), Pixels(6, 1)], TestImages.ReadAll(store));
    }

    [Fact]
    public void Transparent_pixels_lie_over_black()
    {
        byte[] rgba = [.. Enumerable.Range(0, 64).SelectMany(i => new byte[] { 200, 100, 50, (byte)(i == 0 ? 0 : 255) })];
        temp.Write("a.png", TestPng.Encode(rgba, 8, 8, 4));
        using ImageFolder folder = new(temp.Path);
        byte[] image = TestImages.ReadAll(folder.ReadAll(new ImageFit(8, 3)))[0];
        Assert.Equal([0, 0, 0, 200, 100, 50], image[..6]);
    }

    [Fact]
    public void Jpeg_is_read()
    {
        using SKBitmap bitmap = new(new SKImageInfo(24, 16, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(200, 40, 90));
        using SKData jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);
        temp.Write("a.jpeg", jpeg.ToArray());
        using ImageFolder folder = new(temp.Path);
        byte[] image = TestImages.ReadAll(folder.ReadAll(new ImageFit(8, 3)))[0];
        for (int i = 0; i < image.Length; i++)
            Assert.InRange(image[i], new[] { 200, 40, 90 }[i % 3] - 4, new[] { 200, 40, 90 }[i % 3] + 4);
    }

    public void Dispose() => temp.Dispose();

    private static byte[] Pixels(int seed, int channels) => [.. Enumerable.Range(0, 64 * channels).Select(i => TestImages.PixelOf(seed, i))];

    private static byte[] Png(int seed, int channels) => TestPng.Encode(Pixels(seed, channels), 8, 8, channels);
}
