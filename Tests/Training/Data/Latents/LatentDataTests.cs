using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Latents are read from zips and folders, drawn anew at each use and scaled by their convention.</summary>
public sealed class LatentDataTests : IDisposable
{
    private const int Batch = 3;
    private const ulong Seed = 0x1234_5678_9ABC_DEF0;
    private readonly TemporaryFolder temp = new();

    /// <summary>The formula in float64, with the words of Philox at the documented counters.</summary>
    [Theory]
    [InlineData("edm2", false)]
    [InlineData("edm2", true)]
    [InlineData("scm", false)]
    public void Batches_are_means_and_noise_scaled_by_the_convention(string convention, bool half)
    {
        DatasetSplit split = Open(TestLatents.Zip(temp, "latents.zip", TestLatents.Entries(half: half)), convention);
        Assert.Equal((18 + 1, 1, 3), (split.Train.Count, split.HeldOut.Count, split.Train.LabelCount));
        Assert.Equal((8, 8, 4), (split.Train.Height, split.Train.Width, split.Train.Channels));
        (double[] m, double[] s) = convention == "edm2"
            ? (new[] { 5.81, 3.25, 0.12, -2.15 }, new[] { 4.17, 4.62, 3.71, 3.28 })
            : (new[] { 1.56, -0.695, 0.483, 0.729 }, new[] { 5.27, 5.91, 4.21, 4.31 });
        using BatchLoader loader = new(split.Train, Batch, Seed, firstStep: 7);
        for (int step = 7; step < 16; step++)
        {
            ImageBatch batch = loader.Next();
            for (int i = 0; i < Batch; i++)
            {
                float[] stored = Stored(split.Train, batch.Indices[i]);
                Assert.Equal(TestLatents.Values(ImageOf(stored)), stored);
                Assert.Equal(ImageOf(stored) % 3, batch.Labels[i]);
                for (int c = 0; c < 4; c++)
                {
                    for (int pixel = 0; pixel < 64; pixel++)
                    {
                        double raw = stored[c * 64 + pixel] + stored[256 + c * 64 + pixel] * Noise(c * 64 + pixel, step, i);
                        Assert.Equal((raw - m[c]) * 0.5 / s[c], batch.Pixels[(i * 64 + pixel) * 4 + c], 1e-5);
                    }
                }
            }
        }
    }

    [Fact]
    public void A_folder_and_a_zip_are_one_data_set_and_a_later_start_continues()
    {
        List<TestZipEntry> entries = TestLatents.Entries();
        DatasetSplit zip = Open(TestLatents.Zip(temp, "latents.zip", [.. entries.Select(entry => entry with { Compress = true })])), folder = Open(TestLatents.Folder(temp, "latents", entries));
        Assert.Equal(DataFingerprint.Of(zip.Train), DataFingerprint.Of(folder.Train));
        Assert.StartsWith("20 images (19 to train on, 1 held out) of a zip archive of latents by the convention edm2, 3 classes (0, 1, 2)", zip.Description.ToLine(), StringComparison.Ordinal);
        using BatchLoader whole = new(zip.Train, 5, seed: 4), resumed = new(folder.Train, 5, seed: 4, firstStep: 6), other = new(folder.Train, 5, seed: 5, firstStep: 6);
        for (int step = 0; step < 6; step++)
            whole.Next();
        for (int step = 6; step < 12; step++)
        {
            ImageBatch expected = whole.Next(), actual = resumed.Next();
            Assert.Equal(expected.Indices, actual.Indices);
            Assert.Equal(expected.Pixels, actual.Pixels);
            Assert.NotEqual(expected.Pixels, other.Next().Pixels);
        }
    }

    /// <summary>The directory's checksums identify a zip, so that its content is not read before it is used; then damage shows.</summary>
    [Fact]
    public void The_fingerprint_of_a_zip_reads_no_latents()
    {
        string path = TestLatents.Zip(temp, "latents.zip", TestLatents.Entries());
        DataFingerprint before = DataFingerprint.Of(Open(path).Train);
        Assert.NotEqual(before, DataFingerprint.Of(Open(TestLatents.Zip(temp, "other.zip", TestLatents.Entries(seed: 2))).Train));
        byte[] bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        DatasetSplit damaged = Open(path);
        Assert.Equal(before, DataFingerprint.Of(damaged.Train));
        InvalidFileException refused = Assert.Throws<InvalidFileException>(() =>
        {
            foreach (IImageDataset part in (IImageDataset[])[damaged.Train, damaged.HeldOut])
                for (int i = 0; i < part.Count; i++)
                    Stored(part, i);
        });
        Assert.Contains("fails its checksum", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>With images beside them, arrays are what they were: files of another format.</summary>
    [Fact]
    public void Images_beside_arrays_make_a_data_set_of_images()
    {
        string path = TestLatents.Zip(temp, "mixed.zip", [new("a.png", TestPng.Encode(new byte[192], 8, 8, 3)), new("b.npy", [1])]);
        DatasetSplit split = ImageDataset.Open(path, 8, 3);
        Assert.Null(split.Train.Latents);
        Assert.Contains("1 file that is not PNG or JPEG (.npy 1)", split.Description.ToLine(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bytes", "img-mean-std-00000000.npy' has elements of type '|u1', expected '<f4' or '<f2'")]
    [InlineData("odd", "img-mean-std-00000000.npy' has the shape (7, 8, 8), expected (2 C, H, W)")]
    [InlineData("flat", "img-mean-std-00000000.npy' has the shape (64), expected (2 C, H, W)")]
    [InlineData("short", "img-mean-std-00000000.npy' has 2047 bytes of data, its shape (8, 8, 8) needs 2048")]
    [InlineData("larger", "img-mean-std-00000004.npy' is 2432 bytes long, but the first file 2176: all latents must be alike")]
    [InlineData("turned", "img-mean-std-00000004.npy' holds float32 latents of 16x4x4, but the first file float32 latents of 8x8x4")]
    [InlineData("nan", "img-mean-std-00000004.npy' holds a value that is not finite")]
    [InlineData("negative", "img-mean-std-00000004.npy' holds a negative deviation")]
    [InlineData("channels", "holds latents of 8x8x3, which are never resampled, but the network takes 8x8x4")]
    [InlineData("size", "holds latents of 4x4x4, which are never resampled, but the network takes 8x8x4")]
    public void Faulty_latents_are_refused_by_name(string fault, string reason)
    {
        List<TestZipEntry> entries = TestLatents.Entries(channels: fault == "channels" ? 3 : 4, side: fault == "size" ? 4 : 8);
        float[] values = TestLatents.Values(4);
        (int image, byte[]? array) = fault switch
        {
            "bytes" => (0, [.. TrigFlowNative.Training.Files.NpyHeader.Format([8, 8, 8]), .. new byte[512]]),
            "odd" => (0, TestLatents.Array(values.AsSpan(0, 448), [7, 8, 8])),
            "flat" => (0, TestLatents.Array(values.AsSpan(0, 64), [64])),
            "short" => (0, TestLatents.Array(values, [8, 8, 8])[..^1]),
            "larger" => (4, TestLatents.Array([.. values, .. new float[64]], [8, 8, 9])),
            "turned" => (4, TestLatents.Array(values, [8, 16, 4])),
            "nan" => (4, TestLatents.Array([.. values[..300], float.NaN, .. values[301..]], [8, 8, 8])),
            "negative" => (4, TestLatents.Array([.. values[..300], -0.25f, .. values[301..]], [8, 8, 8])),
            _ => (0, null),
        };
        if (array is not null)
            entries[image + 1] = entries[image + 1] with { Content = array };
        foreach (string path in (string[])[TestLatents.Zip(temp, "latents.zip", entries), TestLatents.Folder(temp, "latents", entries)])
        {
            InvalidFileException refused = Assert.Throws<InvalidFileException>(() =>
            {
                DatasetSplit split = Open(path);
                foreach (IImageDataset part in (IImageDataset[])[split.Train, split.HeldOut])
                    for (int i = 0; i < part.Count; i++)
                        Stored(part, i);
            });
            Assert.Contains(Plain(reason), Plain(refused.Message), StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refused.Message);
        }
    }

    [Fact]
    public void Latents_are_not_pixels()
    {
        DatasetSplit split = Open(TestLatents.Zip(temp, "latents.zip", TestLatents.Entries(labelCount: 0)));
        Assert.Equal((0, -1), (split.Train.LabelCount, split.Train.Label(3)));
        Assert.Throws<ArgumentException>(() => new BatchLoader(split.Train, 2, seed: 1, flip: true));
        Assert.Throws<ArgumentException>(() => PixelStatistics.Measure(split.Train));
        Assert.Throws<ArgumentException>(() => TrigFlowNative.Training.Evaluation.EvenSample.Of(split.Train, 2));
        Assert.Throws<ArgumentException>(() => split.Train.Read(0, new byte[4]));
        string three = TestLatents.Zip(temp, "three.zip", TestLatents.Entries(channels: 3));
        Assert.Contains("3 channels, but the convention edm2 has 4", Assert.Throws<InvalidFileException>(() => ImageDataset.Open(three, 8, 3)).Message, StringComparison.Ordinal);
        DatasetSplit own = ImageDataset.Open(three, 8, 3, new LatentSpace([0, 1, 2], [1, 2, 3], -1, 1));
        Assert.Equal(3, own.Train.Latents!.Channels);
    }

    public void Dispose() => temp.Dispose();

    private static DatasetSplit Open(string path, string convention = "edm2") => ImageDataset.Open(path, 8, 4, LatentConventions.Get(convention));

    // Of a folder, the message names the file itself; of a zip, the entry in quotes.
    private static string Plain(string message) => message.Replace("'", "", StringComparison.Ordinal).Replace(".npy: ", ".npy ", StringComparison.Ordinal);

    private static float[] Stored(IImageDataset data, int index)
    {
        byte[] bytes = new byte[data.StoredBytes];
        data.Read(index, bytes);
        return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }

    private static int ImageOf(float[] stored) => Enumerable.Range(0, TestLatents.Count).Single(image => TestLatents.Values(image).AsSpan().SequenceEqual(stored));

    private static double Noise(int element, int step, int sample)
    {
        Philox.Words words = Philox.At((uint)element / 4, (uint)sample, (uint)step, 0x4C61744E, 0x9ABC_DEF0, 0x1234_5678);
        (uint u, uint v) = element % 4 < 2 ? (words.A, words.B) : (words.C, words.D);
        double radius = Math.Sqrt(-2 * Math.Log(Philox.ToUnit(u))), angle = 2 * Math.PI * Philox.ToUnit(v);
        return radius * (element % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle));
    }
}
