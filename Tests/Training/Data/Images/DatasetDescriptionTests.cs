using System.Globalization;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The line that says what was loaded.</summary>
public sealed class DatasetDescriptionTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void The_line_says_all_of_it_in_one_notation()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (other.NumberFormat.NumberGroupSeparator, other.NumberFormat.NegativeSign) = ("!", "?");
        CultureInfo.CurrentCulture = other;
        try
        {
            DatasetDescription found = new("a folder")
            {
                Images = 1875,
                TrainImages = 1758,
                HeldOutImages = 117,
                ClassNames = [.. Enumerable.Range(0, 1234).Select(i => $"class{i}")],
                Fitting = new SourceFitting(20, 30, 1024, 512, 16, 3) { Images = 1875, Cut = 1875, Resampled = 1800, Padded = 75 },
                Split = "split train of test, train",
                LeftOut = [new LeftOut(LeftOutReason.OtherFormat, 3000, "a.webp") { Detail = ".webp 3,000" }, new LeftOut(LeftOutReason.LeadsBack, 1, "a/b")],
            };
            Assert.Equal(
                "1,875 images (1,758 to train on, 117 held out) of a folder, split train of test, train, 1,234 classes (class0, class1, ... class1233), "
                + "20x30 to 1024x512 fitted to 16x16x3 by cutting out the centred square, padding (75), resampling (1,800); "
                + "left out: 3,000 files that are not PNG or JPEG (.webp 3,000), 1 link that leads back (a/b)",
                found.ToLine());
            Assert.Contains("resampling (1,800) (by a look at 1,874 of them); left", (found with { Fitting = found.Fitting with { Images = 1874 } }).ToLine(), StringComparison.Ordinal);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Names_from_outside_stay_in_the_line_and_do_not_steer_the_terminal()
    {
        DatasetDescription found = new("a folder")
        {
            Images = 2,
            TrainImages = 1,
            HeldOutImages = 1,
            ClassNames = ["a\nb", "c\u001b[2J", "d\u202e", "\ud800", "größe", "😀"],
            LeftOut = [new LeftOut(LeftOutReason.Hidden, 1, "x\r\ty")],
        };
        string line = found.ToLine();
        Assert.StartsWith("2 images (1 to train on, 1 held out) of a folder, 6 classes (a?b, c?[2J, d?, \uFFFD, größe, 😀)", line, StringComparison.Ordinal);
        Assert.DoesNotContain(line, char.IsControl);
        Assert.EndsWith("left out: 1 hidden file or folder (x??y)", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_names_are_cut()
    {
        DatasetDescription found = new("a folder") { ClassNames = [.. Enumerable.Range(0, 3000).Select(i => new string('n', 5000))] };
        Assert.InRange(found.ToLine().Length, 100, 300);
        Assert.InRange((found with { ClassNames = [new string('n', 5000)] }).ToLine().Length, 80, 200);
    }

    [Theory]
    [InlineData(16, 3, "8x4 to 16x16 fitted to 16x16x3 by cutting out the centred square (1), resampling (1), gray to colour (1)")]
    [InlineData(17, 1, "8x4 to 16x16 fitted to 17x17x1 by cutting out the centred square (1), padding (1), resampling (1), colour to gray (1)")]
    public void Fitting_counts_what_it_did(int resolution, int channels, string words)
    {
        ImageFit fit = new(resolution, channels);
        Assert.Null(fit.Fitting);
        byte[] destination = new byte[resolution * resolution * channels];
        fit.Apply(new byte[16 * 16 * 3], 16, 16, 3, destination);
        fit.Apply(new byte[8 * 4], 8, 4, 1, destination);
        Assert.Equal(words, fit.Fitting!.ToString());
    }

    [Fact]
    public void Images_of_the_right_extents_are_as_they_are()
    {
        ImageFit fit = new(4, 1);
        fit.Apply(new byte[16], 4, 4, 1, new byte[16]);
        Assert.Equal("4x4x1 as they are", fit.Fitting!.ToString());
    }

    [Fact]
    public void A_split_of_images_in_memory_describes_itself()
    {
        DatasetDescription found = DatasetSplit.Of(new TestImages(33, 2, 2, 1, labelCount: 3)).Description;
        Assert.Equal((31, 2, "0, 1, 2"), (found.TrainImages, found.HeldOutImages, string.Join(", ", found.ClassNames)));
        Assert.Equal("33 images (31 to train on, 2 held out) of images in memory, 3 classes (0, 1, 2)", found.ToLine());
        Assert.Empty(DatasetSplit.Of(new TestImages(3, 2, 2, 1)).Description.ClassNames);
        Assert.StartsWith("1 image (both trained on and held out) of", DatasetSplit.Of(new TestImages(1, 2, 2, 1)).Description.ToLine(), StringComparison.Ordinal);
        Assert.StartsWith("2 images (1 to train on, 1 held out) of", DatasetSplit.Of(new TestImages(2, 2, 2, 1)).Description.ToLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reason_has_its_words()
    {
        string[] words = [.. Enum.GetValues<LeftOutReason>().SelectMany(reason => new[] { new LeftOut(reason, 1, "x").ToString(), new LeftOut(reason, 2, "x").ToString() })];
        Assert.Equal(words.Length, words.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void A_folder_of_everything_is_described()
    {
        for (int i = 0; i < 20; i++)
            temp.Write($"train/{(i < 10 ? "cat" : "dog")}/{i}.png", TestPng.Encode(new byte[12 * 10 * 3], 12, 10, 3));
        temp.Write("train/bird/1.webp", 1);
        temp.Write("train/cat/notes.txt", 1);
        temp.Write("train/cat/.hidden", 1);
        temp.Write("test/cat/1.png", 1);
        Directory.CreateSymbolicLink(temp.File("train/dog/up"), "../..");
        Assert.Equal(
            "20 images (19 to train on, 1 held out) of a folder, split train of test, train, 3 classes (bird, cat, dog), "
            + "12x10 fitted to 8x8x3 by cutting out the centred square, resampling; left out: 1 image of another split (test 1), "
            + "2 files that are not PNG or JPEG (.txt 1, .webp 1), 1 class without images (bird: .webp 1), 1 link that leads back (train/dog/up), "
            + "1 hidden file or folder (train/cat/.hidden)",
            ImageDataset.Open(temp.Path, 8, 3).Description.ToLine());
    }

    [Fact]
    public void Synthetic_shapes_are_described() => Assert.Equal(
        "69,632 images (65,536 to train on, 4,096 held out) of synthetic shapes, 5 classes (disc, ring, square, triangle, cross), 8x8x1 as they are",
        ImageDataset.Open("synthetic", 8, 1).Description.ToLine());

    public void Dispose() => temp.Dispose();
}
