using System.Formats.Tar;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>CIFAR's archives as they are downloaded, and CIFAR-100.</summary>
public sealed class CifarArchiveTests : IDisposable
{
    private static readonly string[] Hundred = [.. Enumerable.Range(0, 100).Select(i => $"fine_{i}")];

    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData(TarEntryFormat.V7, "cifar-10-binary.tar.gz", true)]
    [InlineData(TarEntryFormat.Ustar, "cifar-10-binary.tar", false)]
    [InlineData(TarEntryFormat.Gnu, "cifar.tgz", true)]
    [InlineData(TarEntryFormat.Pax, "download", true)]
    [InlineData(TarEntryFormat.Pax, "download", false)]
    public void An_archive_reads_as_the_folder_in_the_order_of_names(TarEntryFormat format, string name, bool packed)
    {
        // The downloaded archive has its files in such an order.
        (string Name, byte[] Content)[] files =
        [
            ("cifar-10-batches-bin/", []), ("cifar-10-batches-bin/data_batch_1.bin", [.. CifarReaderTests.Record(3, 1), .. CifarReaderTests.Record(9, 2)]),
            ("cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n"u8.ToArray()), ("cifar-10-batches-bin/data_batch_3.bin", CifarReaderTests.Record(0, 3)),
            ("cifar-10-batches-bin/test_batch.bin", CifarReaderTests.Record(5, 4)), ("cifar-10-batches-bin/readme.html", "<html>"u8.ToArray()),
            ("cifar-10-batches-bin/data_batch_2.bin", [.. CifarReaderTests.Record(1, 5), .. CifarReaderTests.Record(2, 6), .. CifarReaderTests.Record(2, 7)]),
        ];
        foreach ((string file, byte[] content) in files.Where(file => file.Content.Length > 0))
            temp.Write($"folder/{file}", content);
        byte[] archive = TestTar.Encode(format, files);
        DatasetSplit tar = ImageDataset.Open(temp.Write(name, packed ? TestIdx.Gzip(archive) : archive), 32, 3);
        DatasetSplit folder = ImageDataset.Open(temp.File("folder"), 32, 3);
        foreach ((IImageDataset one, IImageDataset other) in new[] { (tar.Train, folder.Train), (tar.HeldOut, folder.HeldOut) })
        {
            Assert.Equal(TestImages.LabelsOf(other), TestImages.LabelsOf(one));
            Assert.Equal(TestImages.ReadAll(other), TestImages.ReadAll(one));
        }

        Assert.Equal("files data_batch_1.bin to data_batch_3.bin (test_batch.bin left out)", tar.Description.Split);
        Assert.Equal((tar.Description.Split, "j"), (folder.Description.Split, tar.Description.ClassNames[9]));
        Assert.Equal(tar.Description.ClassNames, folder.Description.ClassNames);
    }

    [Fact]
    public void Cifar_100_gives_its_fine_classes_from_folder_file_and_archive()
    {
        byte[] train = [.. Coarse(19, 99, 1), .. Coarse(3, 0, 2), .. Coarse(3, 7, 3)];
        byte[] names = Encoding.UTF8.GetBytes(string.Join('\n', Hundred) + "\n");
        temp.Write("cifar-100-binary/train.bin", train);
        temp.Write("cifar-100-binary/test.bin", Coarse(1, 1, 4));
        temp.Write("cifar-100-binary/fine_label_names.txt", names);
        string archive = temp.Write("elsewhere/cifar-100-binary.tar.gz", TestIdx.Gzip(TestTar.Encode(
            TarEntryFormat.Ustar, ("cifar-100-binary/train.bin", train), ("cifar-100-binary/fine_label_names.txt", names), ("cifar-100-binary/test.bin", Coarse(1, 1, 4)))));
        foreach (string path in new[] { temp.File("cifar-100-binary"), temp.File("cifar-100-binary/train.bin"), archive })
        {
            DatasetSplit split = ImageDataset.Open(path, 32, 3);
            Assert.Equal([0, 7, 99], TestImages.LabelsOf(split.Train).Concat(TestImages.LabelsOf(split.HeldOut)).Order());
            Assert.Equal(Hundred, split.Description.ClassNames);
            Assert.Contains("train.bin (test.bin left out)", split.Description.Split, StringComparison.Ordinal);
            Assert.Equal(97, Assert.Single(split.Description.LeftOut).Count); // classes without images
        }
    }

    [Fact]
    public void A_file_of_CIFAR_10_may_be_called_train()
    {
        string path = temp.Write("train.bin", [.. CifarReaderTests.Record(3, 1), .. CifarReaderTests.Record(4, 1)]);
        Assert.Equal(10, ImageDataset.Open(path, 32, 3).Train.LabelCount);
    }

    [Theory]
    [InlineData("cut", "is a truncated tar archive")]
    [InlineData("gzip cut", "tar archive")]
    [InlineData("header", "a header fails its checksum")]
    [InlineData("gzip checksum", "is damaged gzip")]
    [InlineData("record", "data_batch_2.bin): is 3072 bytes long, not a multiple of CIFAR-10's record")]
    [InlineData("label", "has label 10 in record 0, expected 0 to 9")]
    [InlineData("python", "is an archive of CIFAR-10 for Python, which is not read; take its binary version, cifar-10-binary.tar.gz")]
    [InlineData("images", "is a tar archive without CIFAR's binary files (the first file is 'cat/1.png'); unpack it and give the folder")]
    [InlineData("bomb", "unpacks to more than 1073741824 bytes; unpack it")]
    public void A_faulty_archive_is_refused(string fault, string reason)
    {
        byte[] plain = TestTar.Encode(TarEntryFormat.Ustar, fault switch
        {
            "record" => [("a/data_batch_1.bin", CifarReaderTests.Record(1, 1)), ("a/data_batch_2.bin", new byte[3072])],
            "label" => [("a/data_batch_1.bin", CifarReaderTests.Record(10, 1))],
            "python" => [("cifar-10-batches-py/data_batch_4", [1]), ("cifar-10-batches-py/data_batch_1", [1])],
            "images" => [("cat/1.png", [1])],
            _ => [("a/data_batch_1.bin", CifarReaderTests.Record(1, 1)), ("a/data_batch_2.bin", CifarReaderTests.Record(1, 2))],
        });
        byte[] file = fault switch
        {
            "cut" => plain[..4000],
            "gzip cut" => TestIdx.Gzip(plain)[..^30],
            "header" => Flip(plain, 512 + 3584),
            "gzip checksum" => Flip(TestIdx.Gzip(plain), ^6),
            "bomb" => TestIdx.Gzip([.. Enormous(plain)]),
            _ => TestIdx.Gzip(plain),
        };
        new MalformedInput("cifar.tar.gz", folder => folder.Write("cifar.tar.gz", file), reason).AssertRefused(path =>
        {
            try
            {
                ImageDataset.Open(path, 32, 3);
            }
            catch (InvalidFileException e) when (e.Path != path)
            {
                throw new InvalidFileException(path, $"{e.Path[path.Length..]}: {e.Reason}"); // the archive with the file in it
            }
        });
    }

    public void Dispose() => temp.Dispose();

    private static byte[] Coarse(byte coarse, byte fine, int seed) => [coarse, .. CifarReaderTests.Record(fine, seed)];

    private static byte[] Flip(byte[] bytes, Index index)
    {
        bytes[index] ^= 1;
        return bytes;
    }

    // The first entry's length becomes 4 GB, its checksum is put right, and zeros follow, which pack to little.
    private static byte[] Enormous(byte[] tar)
    {
        Encoding.ASCII.GetBytes("37777777777\0").CopyTo(tar, 124);
        Encoding.ASCII.GetBytes("other.dat").CopyTo(tar, 0);
        tar.AsSpan(9, 30).Clear();
        tar.AsSpan(148, 8).Fill((byte)' ');
        Encoding.ASCII.GetBytes(Convert.ToString(tar.Take(512).Sum(value => value), 8).PadLeft(6, '0') + "\0 ").CopyTo(tar, 148);
        return [.. tar.Take(512), .. new byte[(1 << 30) + (1 << 20)]];
    }
}
