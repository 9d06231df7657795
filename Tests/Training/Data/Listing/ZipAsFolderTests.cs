using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>A zip reads as the tree that it unpacks to, whatever is in it.</summary>
public sealed class ZipAsFolderTests : IDisposable
{
    private static readonly string[] FolderWords = ["train", "test", "val", "cat", "dog", "Dog", "set", ".git", "__MACOSX", "größe", "notes", "a b", "lost+found"];

    private static readonly string[] FileWords = ["1.png", "2.JPG", "3.jpeg", "4.webp", "5.bmp", "readme.txt", "labels.csv", ".DS_Store", "._1.png", "Thumbs.db", "noextension", "data.mdb"];

    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Random_trees_are_listed_alike()
    {
        Random random = new(5);
        int read = 0, refused = 0, splits = 0, empty = 0;
        for (int i = 0; i < 400; i++)
        {
            string folder = temp.File($"{i}");
            Grow(random, folder, depth: 0);
            (ImageListing? Listing, string? Refusal) ours = Try(() => ImageListing.Of("set", FolderTree.Read(folder), "holds nothing"));
            using BoundedZip zip = BoundedZip.Open(Pack(random, folder), _ => new ZipLimits(1 << 20, 1 << 20, 1 << 20));
            (ImageListing? Listing, string? Refusal) theirs = Try(() => ImageListing.Of("set", ZipTree.Read(zip, []), "holds nothing"));

            Assert.Equal(ours.Refusal, theirs.Refusal);
            refused += ours.Refusal is null ? 0 : 1;
            if (ours.Listing is not { } expected || theirs.Listing is not { } actual)
                continue;
            read++;
            splits += expected.Split.Length > 0 ? 1 : 0;
            empty += expected.LeftOut.Any(each => each.Reason == LeftOutReason.EmptyClass) ? 1 : 0;
            Assert.Equal((expected.Root, expected.Split), (actual.Root, actual.Split));
            Assert.Equal(expected.Names, actual.Names);
            Assert.Equal(expected.FolderLabels, actual.FolderLabels);
            Assert.Equal(expected.ClassNames, actual.ClassNames);
            Assert.Equal(expected.LeftOut, actual.LeftOut);
        }

        // The trees are of all kinds.
        Assert.All([read, refused, splits, empty], count => Assert.InRange(count, 10, 400));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Images_and_labels_are_alike_and_so_is_the_description(bool top)
    {
        string prefix = top ? "animals/" : "";
        foreach ((string name, int seed) in new[] { ("dog/2.png", 1), ("dog/1.png", 2), ("cat/7.png", 3), ("ant/x.webp", 4), ("elk/9.png", 5) })
            temp.Write($"set/{prefix}{name}", TestPng.Encode([.. Enumerable.Range(0, 192).Select(i => TestImages.PixelOf(seed, i))], 8, 8, 3));
        Directory.CreateDirectory(temp.File($"set/{prefix}bee"));
        DatasetSplit folder = ImageDataset.Open(temp.File("set"), 8, 3);
        DatasetSplit zip = ImageDataset.Open(Pack(new Random(1), temp.File("set")), 8, 3);
        Assert.Equal(5, folder.Train.LabelCount);
        Assert.Equal(TestImages.Inventory(folder), TestImages.Inventory(zip));
        Assert.Equal(["ant", "bee", "cat", "dog", "elk"], zip.Description.ClassNames);
        Assert.Equal(folder.Description.ToLine().Replace("a folder", "a zip archive", StringComparison.Ordinal), zip.Description.ToLine());
    }

    public void Dispose() => temp.Dispose();

    private static (ImageListing?, string?) Try(Func<ImageListing> list)
    {
        try
        {
            return (list(), null);
        }
        catch (InvalidFileException e)
        {
            return (null, e.Reason);
        }
    }

    private static void Grow(Random random, string folder, int depth)
    {
        Directory.CreateDirectory(folder);
        bool holdsFiles = depth > 0 && random.Next(3) > 0 || random.Next(6) == 0;
        for (int i = holdsFiles ? random.Next(1, 4) : 0; i > 0; i--)
            File.WriteAllBytes(Path.Combine(folder, FileWords[random.Next(FileWords.Length)]), [1]);
        if (depth == 0 && random.Next(5) == 0)
        {
            foreach (string split in new[] { "train", "test" })
                Grow(random, Path.Combine(folder, split), depth + 1);
            return;
        }

        int folders = depth == 0 ? random.Next(1, 4) : depth > 9 || holdsFiles && random.Next(4) > 0 ? 0 : random.Next(0, 3);
        for (int i = 0; i < folders; i++)
            Grow(random, Path.Combine(folder, FolderWords[random.Next(FolderWords.Length)]), depth + 1);
    }

    // In any order, with slashes of either kind, and with entries of their own for folders, without which empty ones would be lost.
    private string Pack(Random random, string folder)
    {
        List<TestZipEntry> entries = [];
        foreach (string path in Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
        {
            string name = Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, random.Next(4) == 0 ? '\\' : '/');
            entries.Add(Directory.Exists(path) ? new TestZipEntry(name + "/", []) : new TestZipEntry(name, File.ReadAllBytes(path)));
        }

        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(entries));
        return temp.Write($"{Path.GetFileName(folder)}.zip", TestZip.Encode(entries));
    }
}
