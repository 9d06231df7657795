using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Tests.Models;
using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class MomentsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static readonly double[] Mean = [0.5, 1, 2], Sigma = [2, 0.5, -0.25, 0.5, 1, 0, -0.25, 0, 3];

    public static TheoryData<string, string> BadFiles => new()
    {
        { "no-mean", "holds no array mu" },
        { "no-covariance", "holds an array mu but none sigma" },
        { "shape", "has the shape (2, 3), expected (3, 3)" },
        { "rank", "has the shape (3, 1), expected (d)" },
        { "long", "has the shape (8193), expected (d) with d from 1 to 8192" },
        { "empty", "has the shape (0), expected (d)" },
        { "short", "has 64 bytes of data, its shape (3, 3) needs 72" },
        { "big-endian", "has elements of type '>f8'" },
        { "objects", "has elements of type '|O'" },
        { "fortran", "is stored in Fortran order" },
        { "nan-mean", "mean 1 is NaN" },
        { "nan", "covariance (1, 0) is NaN" },
        { "negative", "variance 1 is -1" },
        { "asymmetric", "the covariance is not symmetric: (1, 0) is 0.5, (0, 1) is 0.75" },
        { "correlation", "more than the variances allow" },
        { "checksum", "fails its checksum" },
        { "garbage", "is not a readable zip archive" },
        { "text", "is not an .npy array" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void What_is_no_file_of_moments_is_refused(string fault, string reason)
    {
        string path = folder.Write("m.npz", Faulty(fault));
        InvalidFileException refused = Assert.Throws<InvalidFileException>(() => MomentsFile.Read(path));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Contains("m.npz", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    /// <summary>EDM's archives are stored, pytorch-fid's deflated; float32 is read too.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Archives_of_other_programs_are_read(bool deflated, bool single)
    {
        byte[] mu = single ? Npy("<f4", "3,", MemoryMarshal.AsBytes<float>(Array.ConvertAll(Mean, x => (float)x)).ToArray()) : Npy("<f8", "3,", Bytes(Mean));
        string path = folder.Write("m.npz", TestZip.Encode([new TestZipEntry("mu.npy", mu) { Compress = deflated }, new TestZipEntry("sigma.npy", Npy("<f8", "3, 3", Bytes(Sigma))) { Compress = deflated }]));
        ReferenceMoments read = MomentsFile.Read(path);
        Assert.Equal(Mean, read.Pooled.Mean);
        Assert.Equal(Sigma, read.Pooled.Covariance);
        Assert.Equal((0L, null, null, false), (read.Pooled.Count, read.Spatial, read.Features, read.HoldsImages));
    }

    [Fact]
    public void Archives_of_ADM_hold_spatial_moments_and_images_too()
    {
        string path = folder.Write("m.npz", TestZip.Encode(
        [
            Entry("mu", "3,", Mean), Entry("sigma", "3, 3", Sigma), Entry("mu_s", "2,", 1, 2), Entry("sigma_s", "2, 2", 1, 0, 0, 1), new TestZipEntry("arr_0.npy", Npy("|u1", "1, 1, 1, 3", [1, 2, 3])),
        ]));
        ReferenceMoments read = ReferenceFile.ReadMoments(path, "any")!;
        Assert.Equal([1.0, 2], read.Spatial!.Mean);
        Assert.True(read.HoldsImages);
        Assert.Equal(1, new NpzSource(path).Count);
    }

    /// <summary>As numpy reads it: float64 in C order, the data of each array at a multiple of 64 bytes behind its beginning, nothing compressed.</summary>
    [Fact]
    public void What_is_written_is_read_back_bit_for_bit()
    {
        Moments moments = new(7, Mean, Sigma), spatial = new(7, [1.5], [0.25]);
        string path = folder.File("m.npz");
        MomentsFile.Write(path, moments, spatial, "pixels");
        ReferenceMoments read = ReferenceFile.ReadMoments(path, "pixels")!;
        Assert.Equal(Mean, read.Pooled.Mean);
        Assert.Equal(Sigma, read.Pooled.Covariance);
        Assert.Equal((7, 7, 0.25, "pixels"), (read.Pooled.Count, read.Spatial!.Count, read.Spatial.Covariance[0], read.Features));
        Assert.Contains("holds moments of the features 'pixels', not of 'other'", Assert.Throws<InvalidFileException>(() => ReferenceFile.ReadMoments(path, "other")).Message, StringComparison.Ordinal);

        byte[] bytes = File.ReadAllBytes(path);
        int start = bytes.AsSpan().IndexOf("NUMPY"u8) - 1; // the first array, mu
        Assert.Equal("mu.npy", Encoding.ASCII.GetString(bytes, 30, 6));
        int header = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(start + 8));
        Assert.Equal(0, (10 + header) % 64);
        Assert.Equal("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", Encoding.ASCII.GetString(bytes, start + 10, header).TrimEnd());
        Assert.Equal(Bytes(Mean), bytes.AsSpan(start + 10 + header, 24).ToArray());
        MomentsFile.Write(folder.File("again.npz"), moments, spatial, "pixels");
        Assert.Equal(bytes, File.ReadAllBytes(folder.File("again.npz")));
    }

    /// <summary>Moments of one resizing are no reference for features of another.</summary>
    [Fact]
    public void Moments_of_another_input_are_refused_and_an_unknown_one_is_told()
    {
        Moments moments = new(7, Mean, Sigma);
        MomentsFile.Write(folder.File("m.npz"), moments, null, "net", "299x299 by half pixels");
        Assert.Equal("299x299 by half pixels", ReferenceFile.ReadMoments(folder.File("m.npz"), "net", "299x299 by half pixels")!.Input);
        string refused = Assert.Throws<InvalidFileException>(() => ReferenceFile.ReadMoments(folder.File("m.npz"), "net", "299x299 as TensorFlow 1")).Message;
        Assert.Contains("m.npz: holds moments of 'net' whose input is made by '299x299 by half pixels', not by '299x299 as TensorFlow 1'", refused, StringComparison.Ordinal);
        MomentsFile.Write(folder.File("u.npz"), moments, null, "net");
        Assert.Null(ReferenceFile.ReadMoments(folder.File("u.npz"), "net", "any")!.Input);
        Assert.Equal("any", ReferenceFile.ReadMoments(folder.Write("ref.pkl", StatisticsPickleTests.OfFid(Mean, Sigma)), "inception-2015", "any")!.Input);
    }

    [Fact]
    public void A_file_without_moments_is_none()
    {
        Assert.Null(ReferenceFile.ReadMoments(folder.Path, "pixels"));
        Assert.Null(ReferenceFile.ReadMoments(folder.Write("text", 1, 2, 3), "pixels"));
        Assert.Null(ReferenceFile.ReadMoments(folder.Write("s.npz", TestZip.Encode([new TestZipEntry("arr_0.npy", [])])), "pixels"));
    }

    [Fact]
    public void Statistics_of_EDM2_are_a_reference_of_the_features_that_they_are_of()
    {
        string path = folder.Write("ref.pkl", StatisticsPickleTests.OfFid(Mean, Sigma));
        ReferenceMoments read = ReferenceFile.ReadMoments(path, "inception-2015")!;
        Assert.Equal((50_000, "inception-2015"), (read.Pooled.Count, read.Features));
        Assert.Equal(Mean, read.Pooled.Mean);
        Assert.Equal(Sigma, read.Pooled.Covariance);
        Refused("holds no moments 'fd_dinov2' of the features 'dinov2-vitl14', but fid", path, "dinov2-vitl14");
        Refused("not of 'pixels'", path, "pixels");
        Refused("'fid' has no covariance: variance 0 is -2", folder.Write("faulty.pkl", StatisticsPickleTests.OfFid(Mean, [-2, .. Sigma[1..]])), "inception-2015");
        Refused("p.pkl: ", folder.Write("p.pkl", 0x80, 4, 0x2e), "inception-2015");
    }

    public void Dispose() => folder.Dispose();

    private static void Refused(string reason, string path, string features) =>
        Assert.Contains(reason, Assert.Throws<InvalidFileException>(() => ReferenceFile.ReadMoments(path, features)).Message, StringComparison.Ordinal);

    private static byte[] Faulty(string fault)
    {
        double[] mean = [.. Mean], sigma = [.. Sigma];
        if (fault == "nan-mean")
            mean[1] = double.NaN;
        if (fault == "nan")
            sigma[3] = double.NaN;
        if (fault == "negative")
            sigma[4] = -1;
        if (fault == "asymmetric")
            sigma[1] = 0.75;
        if (fault == "correlation")
            sigma[1] = sigma[3] = 2;
        byte[] mu = fault switch
        {
            "rank" => Npy("<f8", "3, 1", Bytes(mean)),
            "long" => Npy("<f8", "8193,", new byte[8193 * 8]),
            "empty" => Npy("<f8", "0,", []),
            "text" => "{}"u8.ToArray(),
            _ => Npy("<f8", "3,", Bytes(mean)),
        };
        byte[] square = fault switch
        {
            "shape" => Npy("<f8", "2, 3", Bytes(sigma[..6])),
            "short" => Npy("<f8", "3, 3", Bytes(sigma[..8])),
            "big-endian" => Npy(">f8", "3, 3", Bytes(sigma)),
            "objects" => Npy("|O", "3, 3", Bytes(sigma)),
            "fortran" => Npy("<f8", "3, 3", Bytes(sigma), "True"),
            _ => Npy("<f8", "3, 3", Bytes(sigma)),
        };
        List<TestZipEntry> entries = [new("mu.npy", mu), new("sigma.npy", square) { Checksum = fault == "checksum" ? 1 : null }];
        if (fault == "no-mean")
            entries.RemoveAt(0);
        if (fault == "no-covariance")
            entries.RemoveAt(1);
        return fault == "garbage" ? [1, 2, 3] : TestZip.Encode(entries);
    }

    private static TestZipEntry Entry(string name, string shape, params double[] values) => new($"{name}.npy", Npy("<f8", shape, Bytes(values)));

    private static byte[] Bytes(double[] values) => MemoryMarshal.AsBytes<double>(values).ToArray();

    /// <summary>An array as numpy 1.x writes it.</summary>
    internal static byte[] Npy(string type, string shape, byte[] data, string fortran = "False")
    {
        string text = $"{{'descr': '{type}', 'fortran_order': {fortran}, 'shape': ({shape}), }}";
        text = text.PadRight((10 + text.Length + 1 + 63) / 64 * 64 - 11) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, (byte)(text.Length >> 8), .. Encoding.ASCII.GetBytes(text), .. data];
    }
}
