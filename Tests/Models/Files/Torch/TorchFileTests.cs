using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>State dicts of PyTorch come out bit for bit: types, views, shared and transposed storages, both forms of files, wrappers.</summary>
public sealed class TorchFileTests : IDisposable
{
    private static readonly float[] Base = [.. Enumerable.Range(0, 48).Select(i => MathF.Sin(i) * 3)];

    private readonly TemporaryFolder temp = new();

    /// <summary>A state dict of every type, with views and a parameter, and what it must become. Storages by key: all types of numbers that files have.</summary>
    private static readonly (string Key, string Type, long Count, byte[] Data)[] Storages =
    [
        ("0", "FloatStorage", 48, TestTorch.Raw(Base)),
        ("1", "HalfStorage", 3, TestTorch.Raw((Half)1, (Half)(-0.1), Half.MaxValue)),
        ("2", "BFloat16Storage", 2, [0x80, 0x3f, 0x01, 0xc1]),
        ("3", "DoubleStorage", 2, TestTorch.Raw(Math.PI, double.Epsilon)),
        ("4", "LongStorage", 1, TestTorch.Raw(7L)),
        ("5", "IntStorage", 2, TestTorch.Raw(int.MinValue, 5)),
        ("6", "ShortStorage", 2, TestTorch.Raw((short)-3, (short)9)),
        ("7", "CharStorage", 2, [0xff, 0x7f]),
        ("8", "ByteStorage", 3, [0, 128, 255]),
        ("9", "BoolStorage", 2, [0, 1]),
    ];

    private static (string Name, byte[] Tensor, SafetensorsType Type, long[] Shape, byte[] Expected)[] Tensors(Func<int, byte[]> storage) =>
    [
        ("whole", TestTorch.Tensor(storage(0), 0, [6, 8], [8, 1]), SafetensorsType.F32, [6, 8], Storages[0].Data),
        ("view", TestTorch.Tensor(storage(0), 8, [4, 4], [8, 2]), SafetensorsType.F32, [4, 4], Gather((row, column) => 8 + row * 8 + column * 2, 4, 4)),
        ("transposed", TestTorch.Tensor(storage(0), 0, [8, 6], [1, 8]), SafetensorsType.F32, [8, 6], Gather((row, column) => row + column * 8, 8, 6)),
        ("parameter", TestTorch.Parameter(TestTorch.Tensor(storage(0), 32, [8], [1])), SafetensorsType.F32, [8], TestTorch.Raw(Base[32..40])),
        ("odd stride of one", TestTorch.Tensor(storage(0), 0, [1, 3], [99, 1]), SafetensorsType.F32, [1, 3], TestTorch.Raw(Base[..3])),
        ("half", TestTorch.Tensor(storage(1), 0, [3], [1]), SafetensorsType.F16, [3], Storages[1].Data),
        ("brain", TestTorch.Tensor(storage(2), 0, [2], [1]), SafetensorsType.BF16, [2], Storages[2].Data),
        ("double", TestTorch.Tensor(storage(3), 0, [2, 1], [1, 1]), SafetensorsType.F64, [2, 1], Storages[3].Data),
        ("scalar", TestTorch.Tensor(storage(4), 0, [], []), SafetensorsType.I64, [], Storages[4].Data),
        ("int", TestTorch.Tensor(storage(5), 1, [1], [1]), SafetensorsType.I32, [1], Storages[5].Data[4..]),
        ("short", TestTorch.Tensor(storage(6), 0, [2], [1]), SafetensorsType.I16, [2], Storages[6].Data),
        ("char", TestTorch.Tensor(storage(7), 0, [2], [1]), SafetensorsType.I8, [2], Storages[7].Data),
        ("byte", TestTorch.Tensor(storage(8), 0, [3], [1]), SafetensorsType.U8, [3], Storages[8].Data),
        ("bool", TestTorch.Tensor(storage(9), 0, [2], [1]), SafetensorsType.Bool, [2], Storages[9].Data),
        ("empty", TestTorch.Tensor(storage(0), 48, [0, 5], [5, 1]), SafetensorsType.F32, [0, 5], []),
    ];

    private static byte[] InZip(int index) => TestTorch.Storage(Storages[index].Type, Storages[index].Key, Storages[index].Count);

    private static byte[] InLegacy(int index) => TestTorch.Storage(Storages[index].Type, Storages[index].Key, Storages[index].Count, P.None);

    private static byte[] StateDict(Func<int, byte[]> storage) => P.Build(
        P.OrderedDict([.. Tensors(storage).Select(each => (each.Name, each.Tensor))]), P.Dict(("_metadata", P.OrderedDict(("", P.Dict(("version", P.Int(1))))))));

    private static byte[] Zip(byte[] value) => TestTorch.Zip(P.Pickle(value), [.. Storages.Select(each => (each.Key, each.Data))]);

    [Fact]
    public void A_zip_file_comes_out_bit_for_bit() => AssertSame(Zip(StateDict(InZip)), skipped: 0);

    [Fact]
    public void A_legacy_file_comes_out_bit_for_bit() =>
        AssertSame(TestTorch.Legacy(StateDict(InLegacy), [.. Storages.Reverse().Select(each => (each.Key, each.Count, each.Data))]), skipped: 0);

    [Fact]
    public void Views_of_old_files_are_parts_of_their_storage()
    {
        byte[] storage = TestTorch.Storage("FloatStorage", "0", 48, P.Tuple(P.Text("77"), P.Int(10), P.Int(5)));
        byte[] file = TestTorch.Legacy(P.OrderedDict(("w", TestTorch.Tensor(storage, 1, [4], [1]))), ("0", 48, Storages[0].Data));
        Assert.Equal(TestTorch.Raw(Base[11..15]), Import(file).Bytes["w"]);
    }

    [Fact]
    public void A_wrapper_of_one_dictionary_is_opened_and_its_settings_are_counted()
    {
        byte[] nested = P.Dict(("epoch", P.Int(3)), ("lr", P.Real(1e-4)), ("name", P.Text("x")), ("model", StateDict(InZip)), ("betas", P.Tuple(P.Real(0.9), P.Real(0.99))));
        ImportedFile file = AssertSame(Zip(nested), skipped: 4);
        Assert.Contains("'model'", Assert.Single(file.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrapper_of_several_needs_a_key()
    {
        byte[] other = P.OrderedDict(("w", TestTorch.Floats("0", 48)), ("count", P.Int(5)));
        string path = temp.Write("two.pt", Zip(P.Dict(("model", StateDict(InZip)), ("ema", other), ("optimizer", P.Dict(("state", P.Dict((P.Int(0), P.Dict(("step", P.Int(1)))))))))));
        Assert.Contains("name one by --key, of model, ema", Assert.Throws<InvalidFileException>(() => ImportFile.Open(path)).Reason, StringComparison.Ordinal);
        Assert.Contains("those that have some are model, ema", Assert.Throws<InvalidFileException>(() => ImportFile.Open(path, "optimizer")).Reason, StringComparison.Ordinal);
        using ImportedFile file = ImportFile.Open(path, "ema");
        Assert.Equal("w", Assert.Single(file.Tensors).Name);
        Assert.Equal(3, file.Skipped);
    }

    [Fact]
    public void The_networks_of_metrics_are_known_by_their_names()
    {
        byte[] inception = P.OrderedDict([.. new[] { "Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch_pool.bn.running_var", "fc.weight" }.Select(name => (name, TestTorch.Floats("0", 48)))]);
        string path = temp.Write("inception.pth", Zip(inception)), output = temp.File("inception.safetensors");
        using (ImportedFile file = ImportFile.Open(path))
        {
            Assert.Contains("Inception-v3", file.Kind, StringComparison.Ordinal);
            file.Save(output);
        }

        using SafetensorsFile written = SafetensorsFile.Open(output);
        Assert.Equal("inception-2015", written.Metadata["feature_network"]);
        Assert.Equal("inception.pth", written.Metadata["imported_from"]);
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_counted_and_kept()
    {
        float[] values = [1, float.NaN, float.PositiveInfinity, -0f];
        string path = temp.Write("nan.pth", TestTorch.Zip(P.Pickle(P.OrderedDict(("w", TestTorch.Floats("0", 4)))), ("0", TestTorch.Raw(values))));
        using ImportedFile file = ImportFile.Open(path);
        Assert.Equal(2, file.Save(temp.File("nan.safetensors")));
        using SafetensorsFile written = SafetensorsFile.Open(temp.File("nan.safetensors"));
        Assert.Equal(TestTorch.Raw(values), written.ReadBytes("w"));
    }

    /// <summary>The extents of a tensor of more than a megabyte, so that it comes in several pieces.</summary>
    [Fact]
    public void A_large_tensor_is_copied_in_pieces()
    {
        float[] values = [.. Enumerable.Range(0, 700_001).Select(i => (float)i)];
        byte[] file = TestTorch.Zip(P.Pickle(P.OrderedDict(("w", TestTorch.Floats("0", 700_001)))), ("0", TestTorch.Raw(values)));
        Assert.Equal(TestTorch.Raw(values), Import(file).Bytes["w"]);
    }

    public void Dispose() => temp.Dispose();

    private ImportedFile AssertSame(byte[] content, int skipped)
    {
        (ImportedFile file, Dictionary<string, byte[]> bytes) = Import(content);
        var expected = Tensors(InZip);
        Assert.Equal(expected.Select(each => each.Name), file.Tensors.Select(each => each.Name));
        foreach ((var wanted, var found) in expected.Zip(file.Tensors))
        {
            Assert.Equal(wanted.Type, found.Type);
            Assert.Equal(wanted.Shape, found.Shape);
            Assert.Equal(wanted.Expected, bytes[wanted.Name]);
        }

        Assert.Equal(skipped, file.Skipped);
        return file;
    }

    private (ImportedFile File, Dictionary<string, byte[]> Bytes) Import(byte[] content)
    {
        string path = temp.Write($"{Guid.NewGuid():N}.pth", content), output = path + ".safetensors";
        using ImportedFile file = ImportFile.Open(path);
        file.Save(output);
        using SafetensorsFile written = SafetensorsFile.Open(output);
        written.VerifyChecksum();
        return (file, written.Entries.ToDictionary(each => each.Name, each => written.ReadBytes(each.Name)));
    }

    private static byte[] Gather(Func<int, int, int> index, int rows, int columns) =>
        TestTorch.Raw([.. Enumerable.Range(0, rows * columns).Select(i => Base[index(i / columns, i % columns)])]);
}
