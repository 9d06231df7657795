using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Reference statistics in the forms of NumPy's pickles, and what is refused of them.</summary>
public class StatisticsPickleTests
{
    private static readonly double[] Mean = [1.5, -Math.PI], Covariance = [2, 0.1, 0.1, 3];

    public static TheoryData<byte, string> Forms => new() { { 4, "numpy.core" }, { 4, "numpy._core" }, { 5, "numpy.core" }, { 5, "numpy._core" } };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Mean_and_covariance_come_out_bit_for_bit(byte protocol, string module)
    {
        byte[] Array(double[] values, params long[] shape) => protocol == 4 ? Reconstruct(module, TestTorch.Raw(values), shape) : FromBuffer(module, TestTorch.Raw(values), shape);
        using TemporaryFolder folder = new();
        string path = folder.Write("ref.pkl", P.Pickle(P.Dict(("num_images", P.Int(50_000)), ("fid", Moments(Array(Mean, 2), Array(Covariance, 2, 2))), ("fd_dinov2", Moments(Array([5], 1), Array([6], 1, 1)))), protocol));
        StoredStatistics statistics = StatisticsPickle.Read(path);
        Assert.Equal(50_000, statistics.ImageCount);
        Assert.Equal(["fid", "fd_dinov2"], statistics.Features.Keys);
        Assert.Equal(Mean, statistics.Features["fid"].Mean);
        Assert.Equal(Covariance, statistics.Features["fid"].Covariance);

        using ImportedFile file = ImportFile.Open(path);
        Assert.Contains("CC BY-NC-SA", file.Licence, StringComparison.Ordinal);
        file.Save(folder.File("out.safetensors"));
        using SafetensorsFile written = SafetensorsFile.Open(folder.File("out.safetensors"));
        Assert.Equal(TestTorch.Raw(Covariance), written.ReadBytes("fid.sigma"));
        Assert.Equal("50000", written.Metadata["num_images"]);
    }

    [Fact]
    public void Numbers_of_float32_become_float64_and_the_count_may_be_absent()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("ref.pkl", P.Pickle(P.Dict(("fid", Moments(Reconstruct("numpy.core", TestTorch.Raw(0.1f), [1], "f4"), Reconstruct("numpy.core", TestTorch.Raw(2f), [1, 1], "f4"))))));
        StoredStatistics statistics = StatisticsPickle.Read(path);
        Assert.Null(statistics.ImageCount);
        Assert.Equal([(double)0.1f], statistics.Features["fid"].Mean);
    }

    private static readonly Dictionary<string, (byte[] Value, string Reason)> Cases = new(StringComparer.Ordinal)
    {
        ["no statistics"] = (P.Dict(("fid", P.Int(5))), "holds no statistics"),
        ["weights"] = (P.OrderedDict(("w", P.None)), "holds no statistics"),
        ["another shape"] = (Fid(Good(Mean, 2), Good(Covariance, 4)), "array 'fid.sigma' has the shape (4), expected (2, 2) as 'fid.mu' has 2"),
        ["a mean of two axes"] = (Fid(Good(Mean, 2, 1), Good(Covariance, 2, 2)), "array 'fid.mu' has the shape (2, 1), expected one extent"),
        ["too few bytes"] = (Fid(Good(Mean, 3), Good(Covariance, 2, 2)), "array 'fid.mu' has 16 bytes, its shape (3) needs 24"),
        ["extents that overflow"] = (Fid(Good(Mean, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue), Good(Covariance, 2, 2)), "has 16 bytes, its shape"),
        ["an extent below 0"] = (Fid(Good(Mean, -2), Good(Covariance, 2, 2)), "has the number -2 for an extent"),
        ["not finite"] = (Fid(Good([1, double.NaN], 2), Good(Covariance, 2, 2)), "array 'fid.mu' holds a number that is not finite"),
        ["columns first"] = (Fid(Good(Mean, 2), Reconstruct("numpy.core", TestTorch.Raw(Covariance), [2, 2], fortran: true)), "array 'fid.sigma' is stored in Fortran order"),
        ["high byte first"] = (Fid(Reconstruct("numpy.core", TestTorch.Raw(Mean), [2], order: ">"), Good(Covariance, 2, 2)), "expected float64 or float32 with the low byte first"),
        ["objects"] = (Fid(Reconstruct("numpy.core", TestTorch.Raw(Mean), [2], "O8"), Good(Covariance, 2, 2)), "has elements of the type O8, expected float64 or float32"),
        ["a count of text"] = (P.Dict(("num_images", P.Text("many")), ("fid", Moments(Good(Mean, 2), Good(Covariance, 2, 2)))), "has the string 'many' for num_images"),
        ["a metric of text"] = (P.Dict(("fid", Moments(Good(Mean, 2), Good(Covariance, 2, 2))), ("is", P.Text("x"))), "has the string 'x' for 'is'"),
        ["an array without a state"] = (Fid(P.Call("numpy.core.multiarray", "_reconstruct", P.Global("numpy", "ndarray"), TestTorch.Numbers(0), P.Bytes([98])), Good(Covariance, 2, 2)), "is not recorded as NumPy records one"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Statistics_that_lie_are_refused(string name)
    {
        byte[] pickle = P.Pickle(Cases[name].Value, protocol: 4);
        new MalformedInput("ref.pkl", folder => folder.Write("ref.pkl", pickle), Cases[name].Reason).AssertRefused(path => StatisticsPickle.Read(path));
    }

    [Fact]
    public void Bytes_behind_the_pickle_are_refused() => new MalformedInput(
        "ref.pkl", folder => folder.Write("ref.pkl", P.Join(P.Pickle(Fid(Good(Mean, 2), Good(Covariance, 2, 2))), [0])), "has 1 bytes behind its pickle").AssertRefused(path => StatisticsPickle.Read(path));

    /// <summary>A file of EDM2's layout with the moments of FID's features over 50,000 images.</summary>
    internal static byte[] OfFid(double[] mean, double[] covariance) =>
        P.Pickle(P.Dict(("num_images", P.Int(50_000)), ("fid", Moments(Good(mean, mean.Length), Good(covariance, mean.Length, mean.Length)))), protocol: 4);

    private static byte[] Fid(byte[] mean, byte[] covariance) => P.Dict(("fid", Moments(mean, covariance)));

    private static byte[] Moments(byte[] mean, byte[] covariance) => P.Dict(("mu", mean), ("sigma", covariance));

    private static byte[] Good(double[] values, params long[] shape) => Reconstruct("numpy.core", TestTorch.Raw(values), shape);

    private static byte[] Type(string word, string order) => P.Build(
        P.Call("numpy", "dtype", P.Text(word), P.False, P.True), P.Tuple(P.Int(3), P.Text(order), P.None, P.None, P.None, P.Int(-1), P.Int(-1), P.Int(0)));

    private static byte[] Reconstruct(string module, byte[] raw, long[] shape, string type = "f8", string order = "<", bool fortran = false) => P.Build(
        P.Call($"{module}.multiarray", "_reconstruct", P.Global("numpy", "ndarray"), TestTorch.Numbers(0), P.Bytes([98])),
        P.Tuple(P.Int(1), TestTorch.Numbers(shape), Type(type, order), fortran ? P.True : P.False, P.Bytes(raw)));

    private static byte[] FromBuffer(string module, byte[] raw, long[] shape) =>
        P.Call($"{module}.numeric", "_frombuffer", P.Bytearray(raw), Type("f8", "<"), TestTorch.Numbers(shape), P.Text("C"));
}
