using System.IO.Compression;
using System.Text.Json;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Data sets made by prepare: their pixels are those of PIL, and the loader reads them back.</summary>
public sealed class PreparedZipTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    /// <summary>What Pillow 9.4 gives by BOX to half the size and BICUBIC, for pixels (31 x + 17 y + 101 c + 3 x y) mod 256: once halved, enlarged, and reduced alone.</summary>
    [Theory]
    [InlineData(37, 29, 8, "a16f8177847b7f866e7c83908186848782887087798371937a878189767e7a7d7d7e7b87847880827a82828794888083827782807d7c8384798d8079827978807f81928b838e7c85877477828573838081877f748a787c847f82847c787e7783807f827b7b858b858a797d81848a7a7b89976f7a867b778b9176876e8381817f80767e81758290859a958e867c86837a76867b7b75787a6b7186797d737e7f84868676776e747f84828486878b77797277818b7d8e7c797b838c79777d8f7870")]
    [InlineData(5, 7, 8, "0569cd1277ef288df73ca15051b50764c92e7be84588fc521075dc1f84ef379ce94cb15862c81a77de4090ec5a9ef2681b80f42a8fa943a8405abe2e71e23788ff52a1976bb1407b258aff369b9951b60068d42481d44c98b163b34c7dc4088e3095ff41a6a65ec32077ee3890af5aa91773c51d8fd63ba03ba05b4cb04a6bd13285ff4c9eca69b81e83e229a1fc4eb246ab0058c01777da4293d75eb09f77cb3693c544b3bd60c550b51a63d52d84e04ea1566bc51b87e03fa4685fc40d72d7")]
    public void Pixels_are_those_of_the_fields_programs(int width, int height, int size, string expected)
    {
        byte[] result = new byte[3 * size * size];
        Assert.Null(new CentreCrop(size).Apply(PixelView.Of(Pattern(width, height), height, width, 3, 3), result));
        Assert.Equal(expected, Convert.ToHexStringLower(result));
    }

    [Fact]
    public void Halving_is_the_rounded_mean_of_four_and_the_centre_is_cut_out()
    {
        byte[] pixels = [.. Enumerable.Range(0, 4 * 10).SelectMany(i => new[] { (byte)i, (byte)(2 * i), (byte)(i * i) })], result = new byte[12];
        Assert.Null(new CentreCrop(2).Apply(PixelView.Of(pixels, 4, 10, 3, 3), result)); // 10 x 4 halved is 5 x 2, of which the columns 1 and 2 stay
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < 2; x++)
                for (int c = 0; c < 3; c++)
                    Assert.Equal((byte)((Sum(2 * y, 2 * (x + 1), c) + 2) / 4), result[(2 * y + x) * 3 + c]);

        int Sum(int y, int x, int c) => pixels[(10 * y + x) * 3 + c] + pixels[(10 * y + x + 1) * 3 + c] + pixels[(10 * y + 10 + x) * 3 + c] + pixels[(10 * y + 11 + x) * 3 + c];
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_loader_reads_back_pixels_and_classes(bool zipped)
    {
        (string source, byte[][] images) = MakePictures(zipped);
        using (EncodedImages files = zipped ? new ImageZip(source) : new ImageFolder(source))
            Assert.Equal((24, 3), PreparedZip.Write(temp.File("data.zip"), files, 16));
        DatasetSplit split = ImageDataset.Open(temp.File("data.zip"), 16, 3);
        Assert.Equal(3, split.Train.LabelCount);
        Assert.Equal(["a", "b", "c"], split.Description.ClassNames);
        Assert.Contains("16x16x3 as they are", split.Description.ToLine(), StringComparison.Ordinal);
        string[] expected = [.. images.Select((image, i) =>
        {
            byte[] crop = new byte[768];
            new CentreCrop(16).Apply(PixelView.Of(image, 20 + i, 50 - i, 3, 3), crop);
            return $"{i / 8}:{Convert.ToHexString(crop)}";
        }).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, TestImages.Inventory(split));
        using ZipArchive archive = ZipFile.OpenRead(temp.File("data.zip"));
        Assert.Equal([.. Enumerable.Range(0, 24).Select(i => $"00000/img{i:D8}.png"), "dataset.json"], archive.Entries.Select(entry => entry.FullName));
        Assert.All(archive.Entries, entry => Assert.Equal(entry.Length, entry.CompressedLength));
        using JsonDocument json = JsonDocument.Parse(archive.GetEntry("dataset.json")!.Open());
        Assert.Equal("[\"00000/img00000009.png\", 1]", json.RootElement.GetProperty("labels")[9].GetRawText());
    }

    /// <summary>Names travel through a second preparation, with a class that has no images and one whose name JSON must escape; EDM's tools read the labels alone.</summary>
    [Fact]
    public void Names_of_classes_stay_and_numbers_get_none()
    {
        List<TestZipEntry> entries = [.. new[] { "katze/1.png", "d&ög/2.png" }.Select(name => new TestZipEntry(name, TestPng.Encode(Pattern(9, 9), 9, 9, 3)))];
        string folder = TestLatents.Folder(temp, "named", entries);
        Directory.CreateDirectory(Path.Combine(folder, "zebra"));
        using (EncodedImages files = new ImageFolder(folder))
            Assert.Equal((2, 3), PreparedZip.Write(temp.File("once.zip"), files, 8));
        using (EncodedImages files = new ImageZip(temp.File("once.zip")))
            Assert.Equal((2, 3), PreparedZip.Write(temp.File("twice.zip"), files, 4));
        DatasetSplit split = ImageDataset.Open(temp.File("twice.zip"), 4, 3);
        Assert.Equal(3, split.Train.LabelCount);
        Assert.Equal(["d&ög", "katze", "zebra"], split.Description.ClassNames);
        using (EncodedImages files = new ImageZip(temp.Write("numbers.zip", TestZip.Encode([new("x.png", TestPng.Encode(Pattern(9, 9), 9, 9, 3)), new("dataset.json", "{\"labels\": [[\"x.png\", 2]]}"u8.ToArray())]))))
            Assert.Equal((1, 3), PreparedZip.Write(temp.File("numbered.zip"), files, 8));
        using ZipArchive archive = ZipFile.OpenRead(temp.File("numbered.zip"));
        using var json = new StreamReader(archive.GetEntry("dataset.json")!.Open());
        Assert.Equal("{\"labels\": [[\"00000/img00000000.png\", 2]]}", json.ReadToEnd());
    }

    [Fact]
    public void Equal_pictures_give_equal_bytes_and_without_classes_labels_are_null()
    {
        using (EncodedImages files = new ImageFolder(MakePictures(zipped: false).Path))
            PreparedZip.Write(temp.File("a.zip"), files, 8);
        using (EncodedImages files = new ImageZip(MakePictures(zipped: true).Path))
            PreparedZip.Write(temp.File("b.zip"), files, 8);
        Assert.Equal(File.ReadAllBytes(temp.File("a.zip")), File.ReadAllBytes(temp.File("b.zip")));
        using (EncodedImages files = new ImageZip(temp.Write("flat.zip", TestZip.Encode([new("x.png", TestPng.Encode(Pattern(9, 9), 9, 9, 3))]))))
            Assert.Equal((1, 0), PreparedZip.Write(temp.File("c.zip"), files, 8));
        Assert.Equal(0, ImageDataset.Open(temp.File("c.zip"), 8, 3).Train.LabelCount);
    }

    [Fact]
    public void A_picture_that_is_not_readable_is_named_and_nothing_is_left()
    {
        string folder = MakePictures(zipped: false).Path;
        File.WriteAllBytes(Path.Combine(folder, "b/11.png"), [1, 2, 3]);
        using (EncodedImages files = new ImageFolder(folder))
        {
            string said = Assert.Throws<InvalidFileException>(() => PreparedZip.Write(temp.File("data.zip"), files, 16)).Message;
            Assert.Contains("11.png: is not a readable PNG or JPEG image", said, StringComparison.Ordinal);
        }

        using (EncodedImages files = new ImageZip(TestLatents.Zip(temp, "latents.zip", TestLatents.Entries())))
            Assert.Contains("holds latents", Assert.Throws<InvalidFileException>(() => PreparedZip.Write(temp.File("data.zip"), files, 16)).Message, StringComparison.Ordinal);
        using (EncodedImages files = new ImageZip(temp.Write("strip.zip", TestZip.Encode([new("x.png", TestPng.Encode(new byte[48000], 1, 16000, 3))]))))
            Assert.Contains("16000 x 1 pixels, too narrow a strip for 4096 x 4096", Assert.Throws<InvalidFileException>(() => PreparedZip.Write(temp.File("data.zip"), files, 4096)).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(temp.Path), path => path.Contains("data.zip", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--size 48 --out {0}/o.zip", "--size 48: expected a power of two")]
    [InlineData("--size 16 --out {0}/o.tar", "o.tar: expected a name that ends in .zip")]
    [InlineData("--size 16 --out {0}/there.zip", "there.zip: is there already")]
    [InlineData("--size 8192 --out {0}/o.zip", "--size 8192: expected a whole number from 1 to 4096")]
    public void The_command_refuses_in_one_line(string options, string reason)
    {
        string folder = MakePictures(zipped: false).Path, there = temp.Write("there.zip", [5]);
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(["prepare", "--data", folder, .. options.Replace("{0}", temp.Path, StringComparison.Ordinal).Split(' ')]);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains(reason, Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal([5], File.ReadAllBytes(there));
    }

    [Fact]
    public void The_command_says_what_it_wrote()
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run("prepare", "--data", MakePictures(zipped: false).Path, "--size", "16", "--out", temp.File("o.zip"));
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.StartsWith("24 images of 16x16, 3 classes, in ", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(24, ImageDataset.Open(temp.File("o.zip"), 16, 3).Description.Images);
    }

    public void Dispose() => temp.Dispose();

    private static byte[] Pattern(int width, int height, int more = 0) =>
        [.. from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) from c in Enumerable.Range(0, 3) select (byte)(x * 31 + y * 17 + c * 101 + x * y * 3 + more)];

    /// <summary>24 pictures of different sizes in the classes a, b and c; in the zip some are compressed.</summary>
    private (string Path, byte[][] Images) MakePictures(bool zipped)
    {
        byte[][] images = [.. Enumerable.Range(0, 24).Select(i => Pattern(50 - i, 20 + i, more: i))];
        List<TestZipEntry> entries = [.. images.Select((image, i) => new TestZipEntry($"{(char)('a' + i / 8)}/{i:D2}.png", TestPng.Encode(image, 20 + i, 50 - i, 3)) { Compress = i % 2 == 0 })];
        return (zipped ? TestLatents.Zip(temp, "pictures.zip", entries) : TestLatents.Folder(temp, "pictures", entries), images);
    }
}
