using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Files of formats that are not read are refused with what they are.</summary>
public sealed class ForeignFormatsTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData("samples.npz", "504b0304", "is NumPy arrays")]
    [InlineData("model.pt", "504b0304", "is a PyTorch file")]
    [InlineData("data.mdb", "00000000", "is an LMDB database")]
    [InlineData("train.tfrecord", "0102", "is TFRecord files")]
    [InlineData("train.tfrecord-00000-of-00004", "0102", "is TFRecord files")]
    [InlineData("set.parquet", "", "is a Parquet table")]
    [InlineData("noname", "50415231ff", "is a Parquet table")]
    [InlineData("set.tar.xz", "fd377a585a00", "is a tar archive, which must be unpacked first")]
    [InlineData("train-images-idx3-ubyte.xz", "fd377a585a00", "is an xz file, which must be unpacked first")]
    [InlineData("set.TAR.BZ2", "425a68", "is a tar archive, which must be unpacked first")]
    [InlineData("noname", "377abcaf271c", "is a 7-Zip archive")]
    [InlineData("set.rar", "526172211a0700", "is a RAR archive")]
    [InlineData("a.png", "89504e470d0a1a0a", "is a single image; give its folder")]
    [InlineData("noname", "ffd8ffe0", "is a single image; give its folder")]
    [InlineData("clip.mp4", "", "is a video")]
    [InlineData("data_batch_1", "80027d", "is CIFAR-10 for Python, which is not read; take its binary version")]
    [InlineData("noname", "1f8b08000000000000034b4c4a060035241c3503000000", "is a gzip file of no known data set")] // "abc"
    [InlineData("noname", "68656c6c6f", "is no known data set")]
    public void A_known_format_is_named(string name, string hex, string reason) =>
        new MalformedInput(name, folder => folder.Write(name, Convert.FromHexString(hex)), reason).AssertRefused(path => ImageDataset.Open(path, 8, 3));

    [Fact]
    public void A_zip_is_known_by_its_content()
    {
        byte[] zip = TestZip.Encode([new("cat/1.png", TestPng.Encode(new byte[192], 8, 8, 3)), new("dog/1.png", TestPng.Encode(new byte[192], 8, 8, 3))]);
        Assert.Equal(["cat", "dog"], ImageDataset.Open(temp.Write("download", zip), 8, 3).Description.ClassNames);
    }

    [Fact]
    public void A_folder_that_holds_an_archive_says_so()
    {
        temp.Write("cifar-10-binary.tar.gz", 1);
        var refusal = Assert.Throws<InvalidFileException>(() => ImageDataset.Open(temp.Path, 8, 3));
        Assert.Contains("it holds cifar-10-binary.tar.gz; give that file itself", refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("set")]
    [InlineData("set.zip")]
    [InlineData("data_batch_1.bin")]
    [InlineData("train-images-idx3-ubyte")]
    [InlineData("cifar-10-binary.tar.gz")]
    public async Task A_pipe_of_any_name_is_refused_at_once(string name)
    {
        SpecialFiles.NeedLinux();
        SpecialFiles.MakePipe(temp.File(name));
        foreach (string path in new[] { temp.File(name), temp.Path })
        {
            Task<InvalidFileException> refusal = Task.Run(() => Assert.Throws<InvalidFileException>(() => ImageDataset.Open(path, 8, 3)), TestContext.Current.CancellationToken);
            Assert.Contains("pipe", (await refusal.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken)).Reason, StringComparison.Ordinal);
        }
    }

    public void Dispose() => temp.Dispose();
}
