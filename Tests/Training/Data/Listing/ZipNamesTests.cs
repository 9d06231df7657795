using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Names as programs for Windows, macOS and Linux write them into zips.</summary>
public sealed class ZipNamesTests : IDisposable
{
    private static readonly byte[] Image = TestPng.Encode(new byte[192], 8, 8, 3);

    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Names_without_the_flag_are_code_page_437_unless_they_are_UTF_8()
    {
        DatasetSplit split = Open(
            new("", Image) { RawName = [0x8e, .. "pfel/1.png"u8] }, // Ä
            new("Öl/1.png", Image), // UTF-8 without its flag, as macOS writes
            new("Übel/1.png", Image) { Utf8Flag = true },
            new("", Image) { RawName = [0xe1, 0x9c, 0xf6, .. "/1.png"u8] }); // ß£÷
        Assert.Equal(new[] { "Äpfel", "Öl", "Übel", "ß£÷" }.Order(StringComparer.Ordinal), split.Description.ClassNames);
    }

    [Fact]
    public void Every_byte_of_code_page_437_has_a_character_of_its_own()
    {
        TestZipEntry[] entries = [.. Enumerable.Range(128, 128).Select(value => new TestZipEntry("", Image) { RawName = [(byte)value, (byte)value, .. "x/1.png"u8] })];
        IReadOnlyList<string> names = Open(entries).Description.ClassNames;
        Assert.Equal(128, names.Distinct(StringComparer.Ordinal).Count());
        Assert.All(["ÇÇx", "ñññx"[1..], "██x", "ΩΩx"], name => Assert.Contains(name, names));
    }

    [Fact]
    public void Back_slashes_leading_slashes_and_dots_are_those_of_the_unpacked_tree()
    {
        DatasetSplit split = Open(
            new("cat\\1.png", Image), new("./dog/1.png", Image), new("/elk/1.png", Image), new("../fox/1.png", Image), new("gnu\\", []), new("cat\\deep\\2.png", Image));
        Assert.Equal(["cat", "dog", "elk", "fox", "gnu"], split.Description.ClassNames);
        Assert.Equal(5, split.Description.TrainImages + split.Description.HeldOutImages);
    }

    [Fact]
    public void What_macOS_and_Windows_add_is_left_out()
    {
        DatasetSplit split = Open(
            new("set/cat/1.png", Image), new("set/dog/2.png", Image), new("__MACOSX/set/cat/._1.png", [0, 5]), new("__MACOSX/._set", [0]), new("set/.DS_Store", [0]),
            new("set/cat/Thumbs.db", [1]), new("set/dog/._2.png", [0, 5]));
        Assert.Equal(["cat", "dog"], split.Description.ClassNames);
        Assert.Equal(
            ["3 hidden files and folders (set/.DS_Store)", "1 folder of an operating system (__MACOSX)"], split.Description.LeftOut.Select(each => each.ToString()));
    }

    [Fact]
    public void Dataset_json_wins_over_folders_also_below_a_single_folder()
    {
        byte[] labels = Encoding.UTF8.GetBytes("""{"labels": [["a/1.png", 2], ["b\\2.png", 0]]}""");
        foreach (string top in new[] { "", "top/", "top/mid/" })
        {
            DatasetSplit split = Open(new($"{top}b/2.png", Image), new($"{top}a/1.png", Image), new($"{top}dataset.json", labels));
            Assert.Equal(["0", "1", "2"], split.Description.ClassNames);
            Assert.Equal([0, 2], TestImages.LabelsOf(split.Train).Concat(TestImages.LabelsOf(split.HeldOut)).Order());
            Assert.Equal("1 class without images (1)", Assert.Single(split.Description.LeftOut).ToString());
        }
    }

    [Fact]
    public void One_name_written_in_two_ways_and_links_are_refused()
    {
        Refused("appears twice", new("a/1.png", Image), new("a\\1.png", Image));
        Refused("is a symbolic link", new TestZipEntry("a/1.png", "../b/1.png"u8.ToArray()) { UnixMode = 0xa1ff });
    }

    public void Dispose() => temp.Dispose();

    private DatasetSplit Open(params TestZipEntry[] entries) => ImageDataset.Open(temp.Write("set.zip", TestZip.Encode(entries)), 8, 3);

    private void Refused(string reason, params TestZipEntry[] entries) =>
        Assert.Contains(reason, Assert.Throws<InvalidFileException>(() => Open(entries)).Reason, StringComparison.Ordinal);
}
