using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Links, pipes, rights and names that a folder may hold.</summary>
public sealed class FolderTreeTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void A_link_to_a_folder_above_adds_nothing_and_is_named()
    {
        Images("set/cat/1.png", "set/dog/2.png", "beside/3.png");
        Link("set/cat/up", "..");
        Link("set/round", ".");
        Link("set/dog/out", "../..");
        ImageListing listing = List("set");
        Assert.Equal(["cat/1.png", "dog/2.png"], listing.Names);
        Assert.Equal(["cat", "dog"], listing.ClassNames);
        Assert.Equal([new LeftOut(LeftOutReason.LeadsBack, 3, "cat/up")], listing.LeftOut);
    }

    [Fact]
    public void A_link_back_is_found_though_its_folder_was_reached_by_another_link()
    {
        Images("elsewhere/birds/1.png", "elsewhere/2.png", "set/cat/3.png");
        Link("elsewhere/birds/up", "..");
        Link("set/bird", "../elsewhere/birds");
        ImageListing listing = List("set");
        Assert.Equal(["bird/1.png", "cat/3.png"], listing.Names);
        Assert.Equal([new LeftOut(LeftOutReason.LeadsBack, 1, "bird/up")], listing.LeftOut);
    }

    [Fact]
    public void A_folder_is_read_once_under_its_own_name_whatever_the_order()
    {
        Images("set/z/1.png", "set/z/deep/2.png", "set/m/3.png");
        Link("set/a", "z"); // before z in the order of names
        Link("set/m/n", "../z/deep");
        ImageListing listing = List("set");
        Assert.Equal(["m/3.png", "z/1.png", "z/deep/2.png"], listing.Names);
        Assert.Equal(["m", "z"], listing.ClassNames);
        Assert.Equal([new LeftOut(LeftOutReason.ReachedTwice, 2, "a")], listing.LeftOut);
    }

    [Fact]
    public void Of_two_links_to_one_folder_outside_the_first_is_read()
    {
        Images("outside/1.png", "set/c/2.png");
        Link("set/b", "../outside");
        Link("set/a", "../outside");
        ImageListing listing = List("set");
        Assert.Equal(["a/1.png", "c/2.png"], listing.Names);
        Assert.Equal([0, 1], listing.FolderLabels!);
    }

    [Fact]
    public void A_file_behind_two_names_is_read_once_and_links_to_files_elsewhere_are_read()
    {
        Images("outside/1.png", "set/b.png");
        Link("set/a.png", "b.png");
        Link("set/c.png", "../outside/1.png");
        Link("set/d.png", "../outside/1.png");
        ImageListing listing = List("set");
        Assert.Equal(["b.png", "c.png"], listing.Names);
        Assert.Equal([new LeftOut(LeftOutReason.ReachedTwice, 2, "a.png")], listing.LeftOut);
    }

    [Fact]
    public void A_dataset_json_may_name_one_file_twice()
    {
        Images("set/b.png");
        Link("set/a.png", "b.png");
        temp.Write("set/dataset.json", "{\"labels\": [[\"a.png\", 0], [\"b.png\", 1]]}"u8.ToArray());
        DatasetSplit split = ImageDataset.Open(temp.File("set"), 8, 3);
        Assert.Equal((1, 1, 2), (split.Train.Count, split.HeldOut.Count, split.Train.LabelCount));
    }

    [Fact]
    public void A_pipe_is_left_out_and_a_link_to_nothing_is_named()
    {
        SpecialFiles.NeedLinux();
        Images("set/a.png");
        SpecialFiles.MakePipe(temp.File("set/b.png"));
        Link("set/gone", "nowhere");
        ImageListing listing = List("set");
        Assert.Equal(["a.png"], listing.Names);
        Assert.Equal([new LeftOut(LeftOutReason.LeadsNowhere, 1, "gone"), new LeftOut(LeftOutReason.NoRegularFile, 1, "b.png")], listing.LeftOut);
    }

    [Fact]
    public void An_image_that_is_a_link_to_nothing_is_refused()
    {
        Images("set/a.png");
        Link("set/b.png", "../lost.png");
        var refusal = Assert.Throws<InvalidFileException>(() => ImageDataset.Open(temp.File("set"), 8, 3));
        Assert.Contains("set/b.png: no such file: it is a link to '../lost.png'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_may_not_be_read_is_named_and_keeps_its_number()
    {
        SpecialFiles.NeedLinux();
        Images("set/a/1.png", "set/b/2.png", "set/c/3.png");
        OpenTo(temp.Path, everybody: true);
        OpenTo(temp.File("set/b"), everybody: false);
        SpecialFiles.WithoutRights(() =>
        {
            ImageListing listing = List("set");
            Assert.Equal(["a/1.png", "c/3.png"], listing.Names);
            Assert.Equal([0, 2], listing.FolderLabels!);
            Assert.Equal([LeftOutReason.EmptyClass, LeftOutReason.Unreadable], listing.LeftOut.Select(each => each.Reason));
            Assert.Equal("b", listing.LeftOut[1].Example);
            var refusal = Assert.Throws<InvalidFileException>(() => FolderTree.Read(temp.File("set/b")));
            Assert.Contains("denied", refusal.Reason, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Folders_are_read_to_the_eighth_and_deeper_ones_named()
    {
        Images("set/1/2/3/4/5/6/7/8/in.png", "set/1/2/3/4/5/6/7/8/9/out.png", "set/x/y.png");
        ImageListing listing = List("set");
        Assert.Equal(["1/2/3/4/5/6/7/8/in.png", "x/y.png"], listing.Names);
        Assert.Equal([new LeftOut(LeftOutReason.TooDeep, 1, "1/2/3/4/5/6/7/8/9")], listing.LeftOut);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_name_that_is_not_UTF_8_is_the_reason(bool isFolder)
    {
        SpecialFiles.NeedLinux();
        Images("set/a.png");
        using IDisposable named = SpecialFiles.MakeNamed(temp.File("set"), [(byte)'o', 0xe9, .. ".png"u8], isFolder);
        var refusal = Assert.Throws<InvalidFileException>(() => ImageDataset.Open(temp.File("set"), 8, 3));
        Assert.Contains("set/o\uFFFD.png: has a name with bytes that are not UTF-8", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_format_may_have_any_name()
    {
        SpecialFiles.NeedLinux();
        Images("set/a.png");
        using IDisposable named = SpecialFiles.MakeNamed(temp.File("set"), [(byte)'o', 0xe9, .. ".webp"u8]);
        LeftOut left = Assert.Single(List("set").LeftOut);
        Assert.Equal((LeftOutReason.OtherFormat, 1, ".webp 1"), (left.Reason, left.Count, left.Detail));
    }

    [Fact]
    public void The_replacement_character_itself_is_a_name_like_others()
    {
        Images("set/o\uFFFD.png");
        Assert.Equal(["o\uFFFD.png"], List("set").Names);
    }

    public void Dispose()
    {
        foreach (string folder in Directory.EnumerateDirectories(temp.Path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
            OpenTo(folder, everybody: true);
        temp.Dispose();
    }

    private static void OpenTo(string folder, bool everybody)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, everybody ? (UnixFileMode)0x1ed : UnixFileMode.None);
    }

    private ImageListing List(string folder) => ImageListing.Of(temp.File(folder), FolderTree.Read(temp.File(folder)), "holds nothing");

    private void Link(string name, string target) => File.CreateSymbolicLink(temp.File(name), target);

    private void Images(params string[] names)
    {
        foreach (string name in names)
            temp.Write(name, TestPng.Encode(new byte[8 * 8 * 3], 8, 8, 3));
    }
}
