using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Classes, splits and what is left out, from names alone.</summary>
public class ImageListingTests
{
    [Fact]
    public void A_class_without_images_keeps_its_number_and_says_what_it_holds()
    {
        ImageListing listing = List("ant/1.png", "bee/2.webp", "bee/3.webp", "bee/4.heic", "cow/", "dog/5.JPG");
        Assert.Equal(["ant", "bee", "cow", "dog"], listing.ClassNames);
        Assert.Equal([0, 3], listing.FolderLabels!);
        LeftOut empty = listing.LeftOut.Single(each => each.Reason == LeftOutReason.EmptyClass);
        Assert.Equal((2, "bee", "bee: .webp 2, .heic 1, cow"), (empty.Count, empty.Example, empty.Detail));
        Assert.Equal("3 files that are not PNG or JPEG (.webp 2, .heic 1)", listing.LeftOut.Single(each => each.Reason == LeftOutReason.OtherFormat).ToString());
    }

    [Fact]
    public void A_folder_of_texts_is_no_class()
    {
        ImageListing listing = List("ant/1.png", "annotations/1.xml", "annotations/deep/1.json", "bee/2.png", "readme.md");
        Assert.Equal(["ant", "bee"], listing.ClassNames);
        Assert.Equal(new LeftOut(LeftOutReason.NoImages, 1, "annotations"), listing.LeftOut.Single(each => each.Reason == LeftOutReason.NoImages));
    }

    [Fact]
    public void Folders_beside_images_are_no_classes_unless_they_hold_images()
    {
        ImageListing listing = List("1.png", "2.png", "raw/1.tif", "empty/");
        Assert.Null(listing.FolderLabels);
        Assert.Empty(listing.ClassNames);
        Assert.Equal(2, listing.LeftOut.Single(each => each.Reason == LeftOutReason.NoImages).Count);
        Assert.Contains("1 images directly and 1 in sub-folders", Assert.Throws<InvalidFileException>(() => List("1.png", "a/2.png")).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("set/cat/1.png|set/dog/2.png", "set/", "cat|dog")]
    [InlineData("a/b/cat/1.png|a/b/dog/2.png|a/licence.txt", "a/b/", "cat|dog")]
    [InlineData("set/1.png|set/2.png", "", "set")] // a class, though the only one
    [InlineData("cat/1.png|cat/deep/2.png", "", "cat")]
    [InlineData("set/dataset.json|set/1.png", "set/", "")]
    [InlineData("set/dataset.json|set/00000/1.png", "set/", "")]
    [InlineData("set/cat/1.png|set/dog/2.png|notes/a.txt", "set/", "cat|dog")]
    [InlineData("set/cat/1.png|set/dog/2.png|other/", "", "other|set")]
    public void A_single_folder_is_passed_through(string names, string root, string classes)
    {
        ImageListing listing = List(names.Split('|'));
        Assert.Equal(root, listing.Root);
        Assert.Equal(classes, string.Join('|', listing.ClassNames));
        Assert.Equal(root.Length > 0 && names.Contains("dataset.json", StringComparison.Ordinal) ? root + "dataset.json" : null, listing.LabelsFile);
    }

    [Theory]
    [InlineData("train/cat/1.png|train/dog/2.png|test/cat/3.png|test/cat/4.png", "train/", "train of test, train", 2)]
    [InlineData("Train/cat/1.png|Train/dog/2.png|Validation/cat/3.png", "Train/", "Train of Train, Validation", 1)]
    [InlineData("top/training/cat/1.png|top/training/dog/2.png|top/val/9.png|top/dev/", "top/training/", "training of dev, training, val", 1)]
    [InlineData("train/1.png|train/2.png|valid/3.png|meta.csv", "train/", "train of train, valid", 1)]
    [InlineData("train/cat/1.png|train/dog/2.png", "train/", "train", 0)]
    [InlineData("test/cat/1.png|test/dog/2.png", "test/", "test", 0)]
    [InlineData("train/cat/1.png|test/cat/2.png|extra/3.png", "", "", 0)] // not all of them are splits
    public void The_training_split_is_taken(string names, string root, string split, int others)
    {
        ImageListing listing = List(names.Split('|'));
        Assert.Equal((root, split), (listing.Root, listing.Split));
        Assert.All(listing.Names, name => Assert.StartsWith(root, name, StringComparison.Ordinal));
        Assert.Equal(others, listing.LeftOut.FirstOrDefault(each => each.Reason == LeftOutReason.OtherSplit)?.Count ?? 0);
        Assert.DoesNotContain(listing.ClassNames, name => root.Length > 0 && (name is "train" or "test"));
    }

    [Theory]
    [InlineData("val/1.png|test/2.png", "holds the splits test, val, none of which is for training")]
    [InlineData("train/1.png|training/2.png|test/3.png", "holds the splits test, train, training, more than one of which")]
    [InlineData("train/|test/cat/1.png", "nothing at all; left out: 1 image of another split (test 1)")]
    [InlineData("a.webp|b.webp", "nothing at all; it holds an image in a format that is not read; convert it to PNG; left out: 2 files that are not PNG or JPEG (.webp 2)")]
    [InlineData("data.mdb|lock.mdb", "it holds an LMDB database")]
    [InlineData("cifar-10-batches-py/data_batch_1|cifar-10-batches-py/data_batch_2", "it holds CIFAR-10 for Python, which is not read; take its binary version, cifar-10-binary.tar.gz")]
    [InlineData("train-00000-of-00010.tfrecord-00000-of-00010", "it holds TFRecord files")]
    [InlineData("raw/data_batch_1.bin|cat/", "it holds CIFAR's binary files; give their folder, unpacked")]
    [InlineData("", "nothing at all")]
    public void What_cannot_be_read_is_refused_with_what_it_holds(string names, string reason) =>
        Assert.Contains(reason, Assert.Throws<InvalidFileException>(() => List(names.Split('|', StringSplitOptions.RemoveEmptyEntries))).Reason, StringComparison.Ordinal);

    [Fact]
    public void Order_is_that_of_names_whatever_the_lister_gave()
    {
        string[] names = ["b/2.png", "a/z.png", "b/10.png", "a-b/0.png", "B/1.png"];
        ImageListing listing = List(names);
        Assert.Equal(names.Order(StringComparer.Ordinal), listing.Names);
        Assert.Equal(["B", "a", "a-b", "b"], listing.ClassNames);
        Assert.Equal([0, 2, 1, 3, 3], listing.FolderLabels!); // a-b/ comes before a/, though a comes before a-b
    }

    // A name that ends in '/' is a folder.
    private static ImageListing List(params string[] names)
    {
        ImageTree tree = new();
        foreach (string name in names)
        {
            for (int end = name.IndexOf('/', StringComparison.Ordinal); end >= 0; end = name.IndexOf('/', end + 1))
            {
                if (!tree.Folders.Contains(name[..end]))
                    tree.Folders.Add(name[..end]);
            }

            if (!name.EndsWith('/'))
                tree.Files.Add(name);
        }

        return ImageListing.Of("set", tree, "holds nothing at all");
    }
}
