using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class CifarReaderTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Planes_become_pixels_and_files_follow_each_other_in_order()
    {
        temp.Write("data_batch_2.bin", [.. Record(9, 200), .. Record(0, 7)]);
        temp.Write("data_batch_1.bin", Record(3, 50));
        temp.Write("test_batch.bin", Record(1, 1));
        temp.Write("batches.meta.txt", "airplane\n"u8.ToArray());

        ImageStore store = CifarReader.Read(temp.Path, CifarReader.FindFiles(temp.Path), new ImageFit(32, 3));

        Assert.Equal((3, 32, 32, 3, 10), (store.Count, store.Height, store.Width, store.Channels, store.LabelCount));
        Assert.Equal([3, 9, 0], TestImages.LabelsOf(store));
        byte[][] images = TestImages.ReadAll(store);
        Assert.Equal(Expected(50), images[0]);
        Assert.Equal(Expected(200), images[1]);
        Assert.Equal(Expected(7), images[2]);
    }

    [Fact]
    public void Folder_and_single_file_open_by_themselves()
    {
        string file = temp.Write("data_batch_1.bin", [.. Enumerable.Range(0, 17).SelectMany(i => Record((byte)(i % 10), i))]);
        DatasetSplit fromFolder = ImageDataset.Open(temp.Path, 32, 3);
        DatasetSplit fromFile = ImageDataset.Open(file, 32, 3);
        Assert.Equal((16, 1), (fromFolder.Train.Count, fromFolder.HeldOut.Count));
        Assert.Equal(TestImages.Inventory(fromFolder), TestImages.Inventory(fromFile));
        Assert.Equal(10, fromFile.HeldOut.LabelCount);
    }

    public void Dispose() => temp.Dispose();

    internal static byte[] Record(byte label, int seed) => [label, .. Enumerable.Range(0, 3072).Select(i => Value(seed, i))];

    // Plane-major value i of a record.
    private static byte Value(int seed, int i) => (byte)(seed * 3 + i * 5 + i / 1024 * 11);

    private static byte[] Expected(int seed)
    {
        byte[] pixels = new byte[3072];
        for (int y = 0; y < 32; y++)
        {
            for (int x = 0; x < 32; x++)
            {
                for (int c = 0; c < 3; c++)
                    pixels[(y * 32 + x) * 3 + c] = Value(seed, c * 1024 + y * 32 + x);
            }
        }

        return pixels;
    }
}
