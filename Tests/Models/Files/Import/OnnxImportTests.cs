using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Initialisers of ONNX models, written here field by field, and messages that lie.</summary>
public class OnnxImportTests
{
    private static readonly byte[] Eight = TestTorch.Raw(1f, -2f);

    private static readonly byte[] Sound = Tensor("w", 1, Eight, 2);

    private static readonly Dictionary<string, (byte[] File, string Reason)> Cases = new(StringComparer.Ordinal)
    {
        ["no graph"] = (P.Join(Number(1, 7), Number(5, 1), Number(6, 1), Number(6, 1)), "a message without a graph"),
        ["two graphs"] = (P.Join(Model(Sound), Field(7, Field(5, Sound))), "has two graphs"),
        ["no initialisers"] = (Model(), "holds no tensors"),
        ["fewer bytes than the shape"] = (Model(Tensor("w", 1, Eight, 3)), "initialiser 'w' of F32 [3] has 8 bytes"),
        ["extents that overflow"] = (Model(Tensor("w", 1, Eight, long.MaxValue, 8)), "initialiser 'w' of F32"),
        ["an extent below 0"] = (Model(Tensor("w", 1, Eight, -2)), "or a negative one"),
        ["nine extents"] = (Model(Tensor("w", 1, TestTorch.Raw(1f), 1, 1, 1, 1, 1, 1, 1, 1, 1)), "has more than 8 extents"),
        ["numbers in another file"] = (Model(P.Join(Tensor("w", 1, Eight, 2), Number(14, 1))), "lies in another file"),
        ["the place in another file"] = (Model(P.Join(Tensor("w", 1, Eight, 2), Field(13, "x"u8.ToArray()))), "lies in another file or in parts"),
        ["numbers twice"] = (Model(P.Join(Tensor("w", 1, Eight, 2), Field(9, Eight))), "has its numbers twice"),
        ["a name twice"] = (Model(Sound, Sound), "has two tensors for the name 'w'"),
        ["a name without letters"] = (Model(Tensor("", 1, Eight, 2)), "which is empty, not printable"),
        ["a name of 2000 bytes"] = (Model(Tensor(new string('w', 2000), 1, Eight, 2)), "a name of 2000 bytes"),
        ["longer than the file"] = (P.Join(Number(1, 7), Number(5, 1), [7 << 3 | 2, 0xff, 0xff, 0xff, 0x7f]), "declares 268435455 bytes, but 0 are left"),
        ["longer than 64 bits"] = (P.Join(Number(1, 7), [7 << 3 | 2, .. Enumerable.Repeat((byte)0xff, 10)]), "has a number of more than 64 bits"),
        ["a group"] = (P.Join(Number(1, 7), Number(5, 1), Number(5, 1), [3 << 3 | 3, 0]), "has a field 3 of the type 3"),
        ["field 0"] = (P.Join(Number(1, 7), Number(5, 1), Number(5, 1), [0, 0]), "has a field 0"),
        ["ends within a number"] = (P.Join(Number(1, 7), Number(5, 1), Number(5, 1), [2 << 3 | 0, 0x80]), "ends within a number"),
        ["ends within four bytes"] = (P.Join(Number(1, 7), Number(5, 1), Number(5, 1), [2 << 3 | 5, 1, 2]), "ends within a number"),
        ["an initialiser longer than its graph"] = (P.Join(Number(1, 7), Number(5, 1), Field(7, [5 << 3 | 2, 100, 1])), "declares 100 bytes, but 1 are left"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_message_that_lies_is_refused(string name) =>
        new MalformedInput("net.onnx", folder => folder.Write("net.onnx", Cases[name].File), Cases[name].Reason).AssertRefused(path => ImportFile.Open(path).Dispose());

    [Fact]
    public void More_fields_than_the_limit_are_refused() =>
        new MalformedInput("net.onnx", folder => folder.Write("net.onnx", P.Join([.. Enumerable.Repeat(Number(1, 7), 2_000_002)])), "has more fields than are accepted").AssertRefused(path => ImportFile.Open(path).Dispose());

    [Fact]
    public void Initialisers_come_out_bit_for_bit()
    {
        byte[] scalar = Tensor("scalar", 7, TestTorch.Raw(5L)), half = Tensor("half", 10, TestTorch.Raw((Half)3), 1);
        byte[] packed = P.Join(Field(1, [2, 1]), Number(2, 1), Field(8, "packed"u8.ToArray()), Field(4, Eight)); // dims [2, 1] and float_data in packed form
        byte[] text = Tensor("text", 8, "x"u8.ToArray(), 1);
        using TemporaryFolder folder = new();
        string path = folder.Write("net.onnx", Model(Sound, scalar, half, packed, text));
        using ImportedFile file = ImportFile.Open(path);
        Assert.Equal(["w", "scalar", "half", "packed"], file.Tensors.Select(each => each.Name));
        Assert.Equal(1, file.Skipped);
        file.Save(folder.File("out.safetensors"));
        using SafetensorsFile written = SafetensorsFile.Open(folder.File("out.safetensors"));
        Assert.Equal(Eight, written.ReadBytes("packed"));
        Assert.Equal([2L, 1], written.Entries.Single(each => each.Name == "packed").Shape);
        Assert.Equal(Eight, written.ReadBytes("w"));
        Assert.Equal(TestTorch.Raw(5L), written.ReadBytes("scalar"));
        Assert.Equal(TestTorch.Raw((Half)3), written.ReadBytes("half"));
        Assert.Contains("has no key 'ema'", Assert.Throws<InvalidFileException>(() => ImportFile.Open(path, "ema")).Reason, StringComparison.Ordinal);
    }

    /// <summary>A model: the version of its format, a producer, and a graph with a node and initialisers.</summary>
    private static byte[] Model(params byte[][] initialisers) => P.Join(
        Number(1, 7), Field(2, "a producer"u8.ToArray()), Field(7, P.Join([Field(1, "a node"u8.ToArray()), .. initialisers.Select(each => Field(5, each)), Field(2, "graph"u8.ToArray())])));

    private static byte[] Tensor(string name, long type, byte[] raw, params long[] dims) =>
        P.Join([.. dims.Select(each => Number(1, each)), Number(2, type), Field(8, Encoding.UTF8.GetBytes(name)), Field(9, raw)]);

    private static byte[] Number(int field, long value) => P.Join(Varint((ulong)(field << 3)), Varint((ulong)value));

    private static byte[] Field(int field, byte[] content) => P.Join(Varint((ulong)(field << 3 | 2)), Varint((ulong)content.Length), content);

    private static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
