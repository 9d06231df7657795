using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class MnistReaderTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData("train-images-idx3-ubyte", "train-labels-idx1-ubyte", false, false)]
    [InlineData("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", true, true)]
    [InlineData("train-images.idx3-ubyte", "train-labels.idx1-ubyte", false, false)]
    [InlineData("train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", false, true)]
    [InlineData("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", true, false)]
    public void Plain_and_gzip_files_are_read_with_the_labels_beside_them(string images, string labels, bool gzipImages, bool gzipLabels)
    {
        byte[] imageFile = TestIdx.Images(3, 28, 28);
        byte[] labelFile = TestIdx.Labels(4, 0, 6);
        string path = temp.Write(images, gzipImages ? TestIdx.Gzip(imageFile) : imageFile);
        temp.Write(labels, gzipLabels ? TestIdx.Gzip(labelFile) : labelFile);

        ImageStore store = MnistReader.Read(path, new ImageFit(28, 1));

        Assert.Equal((3, 28, 28, 1, 7), (store.Count, store.Height, store.Width, store.Channels, store.LabelCount));
        Assert.Equal([4, 0, 6], TestImages.LabelsOf(store));
        Assert.Equal(imageFile[16..], TestImages.ReadAll(store).SelectMany(image => image));
    }

    [Fact]
    public void Folder_prefers_the_training_images_and_28_becomes_32_by_a_frame_of_zeros()
    {
        temp.Write("t10k-images-idx3-ubyte", TestIdx.Images(9, 28, 28));
        byte[] file = TestIdx.Images(2, 28, 28);
        temp.Write("train-images-idx3-ubyte.gz", TestIdx.Gzip(file));

        DatasetSplit split = ImageDataset.Open(temp.Path, 32, 1);

        Assert.Equal((1, 1), (split.Train.Count, split.HeldOut.Count));
        Assert.Equal(0, split.Train.LabelCount);
        Assert.Equal(-1, split.Train.Label(0));
        byte[] image = TestImages.ReadAll(split.Train)[0];
        Assert.Equal(32 * 32, image.Length);
        int first = image[2 * 32 + 2] == file[16] ? 16 : 16 + 784;
        for (int y = 0; y < 32; y++)
        {
            for (int x = 0; x < 32; x++)
            {
                bool inside = y is >= 2 and < 30 && x is >= 2 and < 30;
                Assert.Equal(inside ? file[first + (y - 2) * 28 + x - 2] : 0, image[y * 32 + x]);
            }
        }
    }

    [Fact]
    public void Images_taller_than_wide_and_named_otherwise_are_read()
    {
        byte[] file = TestIdx.Images(2, 5, 3);
        string path = temp.Write("digits", TestIdx.Gzip(file));
        DatasetSplit split = ImageDataset.Open(path, 3, 3);
        byte[][] images = [.. new[] { split.Train, split.HeldOut }.SelectMany(TestImages.ReadAll).OrderBy(image => image[0])];

        // The centred 3 x 3 of 5 x 3, gray in every channel.
        IEnumerable<byte> expected = file[(16 + 3)..(16 + 12)].SelectMany(value => Enumerable.Repeat(value, 3));
        Assert.Contains(images, image => image.SequenceEqual(expected));
    }

    public void Dispose() => temp.Dispose();
}
