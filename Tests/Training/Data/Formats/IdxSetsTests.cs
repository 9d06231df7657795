using System.Buffers.Binary;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>The data sets that come under MNIST's format, by their files' names.</summary>
public sealed class IdxSetsTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Emnist_takes_the_training_split_upright_with_labels_from_1()
    {
        byte[] images = TestIdx.Images(3, 4, 4);
        temp.Write("emnist-letters-test-images-idx3-ubyte.gz", TestIdx.Gzip(TestIdx.Images(9, 4, 4)));
        temp.Write("emnist-letters-test-labels-idx1-ubyte.gz", TestIdx.Gzip(TestIdx.Labels([.. Enumerable.Repeat((byte)5, 9)])));
        temp.Write("emnist-letters-train-images-idx3-ubyte.gz", TestIdx.Gzip(images));
        temp.Write("emnist-letters-train-labels-idx1-ubyte.gz", TestIdx.Gzip(TestIdx.Labels(1, 26, 3)));

        DatasetSplit split = ImageDataset.Open(temp.Path, 4, 1);

        Assert.Equal(3, split.Train.Count + split.HeldOut.Count);
        Assert.Equal(27, split.Train.LabelCount);
        DatasetDescription found = split.Description;
        Assert.Equal(("none", "a", "z", 27), (found.ClassNames[0], found.ClassNames[1], found.ClassNames[26], found.ClassNames.Count));
        Assert.StartsWith("EMNIST letters", found.Format, StringComparison.Ordinal);
        Assert.Equal("file emnist-letters-train-images-idx3-ubyte.gz (emnist-letters-test-images-idx3-ubyte.gz left out)", found.Split);
        string[] upright = [.. Enumerable.Range(0, 3).Select(image => Convert.ToHexString(Transposed(images.AsSpan(16 + 16 * image, 16))))];
        Assert.Equal(
            new[] { $"1:{upright[0]}", $"26:{upright[1]}", $"3:{upright[2]}" }.Order(StringComparer.Ordinal), TestImages.Inventory(split));
    }

    [Theory]
    [InlineData("emnist-letters-test-images-idx3-ubyte", "EMNIST letters", "none|a", true)]
    [InlineData("emnist-balanced-train-images-idx3-ubyte", "EMNIST balanced", "0|1", true)]
    [InlineData("FashionMNIST/raw/train-images-idx3-ubyte", "Fashion-MNIST", "T-shirt/top|Trouser", false)]
    [InlineData("fashion/train-images-idx3-ubyte", "Fashion-MNIST", "T-shirt/top|Trouser", false)]
    [InlineData("KMNIST/raw/train-images-idx3-ubyte", "Kuzushiji-MNIST", "o|ki", false)]
    [InlineData("mnist/train-images.idx3-ubyte", "MNIST", "0|1", false)]
    [InlineData("digits/train-images-idx3-ubyte", "idx files", "0|1", false)]
    public void A_data_set_is_known_by_its_names(string name, string format, string classes, bool transposed)
    {
        string path = temp.Write(name, TestIdx.Images(2, 3, 5));
        temp.Write(name.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal), TestIdx.Labels(0, 1));
        DatasetDescription found = ImageDataset.Open(path, 3, 1).Description;
        Assert.StartsWith(format, found.Format, StringComparison.Ordinal);
        Assert.Equal(classes, string.Join('|', found.ClassNames));
        Assert.Equal(transposed ? (5, 3) : (3, 5), (found.Fitting!.LargestHeight, found.Fitting.LargestWidth));
    }

    [Theory]
    [InlineData("byclass", 62, "0", "Z", "z")]
    [InlineData("bymerge", 47, "0", "Z", "t")]
    [InlineData("balanced", 47, "0", "Z", "t")]
    [InlineData("digits", 10, "0", null, "9")]
    [InlineData("letters", 27, "none", null, "z")]
    public void Emnist_names_its_classes(string part, int count, string first, string? capitalZ, string last)
    {
        IReadOnlyList<string> names = IdxSet.Of(IdxName.Of($"emnist-{part}-train-images-idx3-ubyte")).ClassNames(count);
        Assert.Equal((count, first, last), (names.Count, names[0], names[^1]));
        Assert.Equal(count, names.Distinct(StringComparer.Ordinal).Count());
        if (capitalZ is not null)
            Assert.Equal(capitalZ, names[35]);
    }

    [Fact]
    public void Qmnist_has_its_class_in_the_first_of_eight_numbers()
    {
        temp.Write("qmnist-train-images-idx3-ubyte", TestIdx.Images(3, 4, 4));
        temp.Write("qmnist-test-images-idx3-ubyte", TestIdx.Images(5, 4, 4));
        string labels = temp.Write("qmnist-train-labels-idx2-int", Numbers(3, 8, [7, 0, 2]));
        DatasetSplit split = ImageDataset.Open(temp.Path, 4, 1);
        Assert.Equal([0, 2, 7], TestImages.LabelsOf(split.Train).Concat(TestImages.LabelsOf(split.HeldOut)).Order());
        Assert.Equal(("QMNIST", 8), (split.Description.Format, split.Description.ClassNames.Count));

        File.Delete(labels);
        temp.Write("qmnist-train-labels-idx2-int.gz", TestIdx.Gzip(Numbers(3, 8, [7, 0, 2])));
        Assert.Equal(TestImages.Inventory(split), TestImages.Inventory(ImageDataset.Open(temp.Path, 4, 1)));
    }

    [Theory]
    [InlineData(2, 8, 7, "holds 2 labels for 3 images")]
    [InlineData(3, 65, 7, "holds 65 numbers an image")]
    [InlineData(3, 8, -1, "gives image 0 the class -1")]
    [InlineData(3, 8, 70_000, "gives image 0 the class 70000")]
    [InlineData(3, 8, 7, "do not fit", true)]
    public void Damaged_labels_of_qmnist_are_refused(int count, int columns, int label, string reason, bool cut = false)
    {
        temp.Write("qmnist-train-images-idx3-ubyte", TestIdx.Images(3, 4, 4));
        byte[] labels = Numbers(count, columns, [label, 0, 0]);
        temp.Write("qmnist-train-labels-idx2-int", cut ? labels[..^1] : labels);
        var refusal = Assert.Throws<InvalidFileException>(() => ImageDataset.Open(temp.Path, 4, 1));
        Assert.Contains("qmnist-train-labels-idx2-int: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("emnist-digits-train|emnist-letters-train|emnist-letters-test", "holds 2 idx files of images to train on, give one of them: emnist-digits-train-images-idx3-ubyte, emnist-letters-train-images-idx3-ubyte")]
    [InlineData("t10k|emnist-letters-test", "holds 2 idx files of images and none named train, give one of them: emnist-letters-test-images-idx3-ubyte, t10k-images-idx3-ubyte")]
    public void Several_sets_in_one_folder_are_refused_by_name(string names, string reason)
    {
        foreach (string name in names.Split('|'))
            temp.Write($"{name}-images-idx3-ubyte", TestIdx.Images(2, 4, 4));
        Assert.Equal(reason, Assert.Throws<InvalidFileException>(() => ImageDataset.Open(temp.Path, 4, 1)).Reason);
    }

    [Fact]
    public void A_file_that_lies_there_plain_and_packed_is_one_and_a_single_folder_is_passed_through()
    {
        temp.Write("MNIST/raw/train-images-idx3-ubyte", TestIdx.Images(2, 4, 4));
        temp.Write("MNIST/raw/train-images-idx3-ubyte.gz", TestIdx.Gzip(TestIdx.Images(2, 4, 4)));
        temp.Write("MNIST/readme.txt", 1);
        temp.Write("MNIST/raw/t10k-images-idx3-ubyte", TestIdx.Images(9, 4, 4));
        DatasetDescription found = ImageDataset.Open(temp.Path, 4, 1).Description;
        Assert.Equal((1, 1, "file train-images-idx3-ubyte (t10k-images-idx3-ubyte left out)"), (found.TrainImages, found.HeldOutImages, found.Split));
    }

    [Fact]
    public void Of_two_folders_none_is_passed_through()
    {
        temp.Write("a/train-images-idx3-ubyte", TestIdx.Images(2, 4, 4));
        temp.Write("b/train-images-idx3-ubyte", TestIdx.Images(3, 4, 4));
        var refusal = Assert.Throws<InvalidFileException>(() => ImageDataset.Open(temp.Path, 4, 1));
        Assert.Contains("it holds idx files; give their folder, unpacked", refusal.Reason, StringComparison.Ordinal);
    }

    public void Dispose() => temp.Dispose();

    private static byte[] Transposed(ReadOnlySpan<byte> image)
    {
        byte[] turned = new byte[16];
        for (int y = 0; y < 4; y++)
        {
            for (int x = 0; x < 4; x++)
                turned[x * 4 + y] = image[y * 4 + x];
        }

        return turned;
    }

    // Rows that begin with the label; the other numbers would be labels out of range.
    private static byte[] Numbers(int count, int columns, int[] labels)
    {
        byte[] data = new byte[sizeof(int) * count * columns];
        for (int i = 0; i < count * columns; i++)
            BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(sizeof(int) * i), i % columns == 0 ? labels[i / columns] : -5 - i);
        return TestIdx.Encode(0xc02, [count, columns], data);
    }
}
