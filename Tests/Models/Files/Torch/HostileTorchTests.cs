using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Archives, tensors and storages that lie: each file is refused in one line, and costs no memory for what it claims.</summary>
public class HostileTorchTests
{
    private const long Modest = 4L << 20;

    private static readonly byte[] Sixteen = new byte[16];

    private static readonly byte[] Sound = P.Pickle(P.OrderedDict(("w", TestTorch.Floats("0", 4))));

    private static readonly Dictionary<string, (byte[] File, string Reason)> Cases = new(StringComparer.Ordinal)
    {
        // tensors
        ["beyond the storage"] = (View(4, 0, [3], [2]), "tensor 'w' reaches beyond its storage of 4 elements"),
        ["offset beyond the storage"] = (View(4, 5, [], []), "reaches beyond its storage"),
        ["empty, but from beyond"] = (View(4, 5, [0], [1]), "reaches beyond its storage"),
        ["negative stride"] = (View(4, 3, [2], [-1]), "has a negative extent, stride or offset"),
        ["negative offset"] = (View(4, -1, [2], [1]), "has a negative extent, stride or offset"),
        ["negative extent"] = (View(4, 0, [-2], [1]), "has a negative extent, stride or offset"),
        ["2^31 elements of stride 0"] = (View(4, 0, [int.MaxValue], [0]), "sees elements of its storage more than once"),
        ["two elements of stride 0"] = (View(4, 0, [2], [0]), "sees elements of its storage more than once"),
        ["windows that leave gaps and overlap"] = (TestTorch.Zip(P.Pickle(P.OrderedDict(("w", TestTorch.Tensor(Storage(8), 0, [3, 2], [2, 2])))), ("0", new byte[32])), "sees elements of its storage more than once"),
        ["windows that overlap"] = (View(4, 0, [3, 2], [1, 1]), "sees elements of its storage more than once"),
        ["extents that overflow"] = (View(4, 0, [long.MaxValue, 4], [0, 0]), "which overflows"),
        ["extents that overflow to 0"] = (View(4, 0, [1L << 32, 1L << 32], [0, 0]), "which overflows"),
        ["strides that overflow"] = (View(4, 0, [3, 2], [long.MaxValue, 1]), "reaches beyond its storage"),
        ["nine axes"] = (View(4, 0, [1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1]), "has 9 axes, at most 8"),
        ["extents without strides"] = (View(4, 0, [2, 2], [1]), "has 2 extents but 1 strides"),
        ["an extent of text"] = (Zip(P.Call("torch._utils", "_rebuild_tensor_v2", Storage(4), P.Int(0), P.Tuple(P.Text("4")), P.Tuple(P.Int(1)), P.False, P.OrderedDict())), "is not recorded as PyTorch records one"),
        ["a tensor of nothing"] = (Zip(P.Call("torch._utils", "_rebuild_tensor_v2")), "is not recorded as PyTorch records one"),
        ["a tensor of too much"] = (Zip(P.Call("torch._utils", "_rebuild_tensor_v2", Storage(4), P.Int(0), P.Tuple(P.Int(4)), P.Tuple(P.Int(1)), P.False, P.OrderedDict(), P.None, P.None)), "is not recorded"),
        ["a parameter of a parameter"] = (Zip(TestTorch.Parameter(TestTorch.Parameter(TestTorch.Floats("0", 4)))), "is not recorded"),
        ["a parameter of text"] = (Zip(TestTorch.Parameter(P.Text("x"))), "is not recorded"),
        ["a tensor without a storage"] = (Zip(TestTorch.Tensor(P.Text("0"), 0, [4], [1])), "has a tensor of the string '0', expected a storage"),
        ["a sparse tensor"] = (Zip(P.Call("torch._utils", "_rebuild_sparse_tensor", P.None)), "names torch._utils._rebuild_sparse_tensor, which makes a sparse, quantised or otherwise unusual tensor"),
        ["a quantised tensor"] = (Zip(P.Call("torch._utils", "_rebuild_qtensor", P.None)), "names torch._utils._rebuild_qtensor"),
        ["a meta tensor"] = (Zip(P.Call("torch._utils", "_rebuild_meta_tensor_no_storage", P.None)), "names torch._utils._rebuild_meta_tensor_no_storage"),
        ["complex numbers"] = (Zip(TestTorch.Tensor(TestTorch.Storage("ComplexFloatStorage", "0", 2), 0, [2], [1])), "names torch.ComplexFloatStorage, which is no type of plain tensors"),
        ["a whole model"] = (Zip(P.Build(P.Join(P.Global("models.unet", "UNet"), P.Tuple(), [0x81]), P.Dict(("_modules", P.None)))), "names models.unet.UNet, which no state dict needs (of a whole model, save its state_dict() instead)"),

        // storages
        ["a short storage"] = (TestTorch.Zip(Sound, ("0", new byte[8])), "storage '0' has 8 bytes, but 4 F32 are declared"),
        ["a long storage"] = (TestTorch.Zip(Sound, ("0", new byte[20])), "storage '0' has 20 bytes, but 4 F32 are declared"),
        ["no storage"] = (TestTorch.Zip(Sound, ("1", Sixteen)), "has no member 'archive/data/0'"),
        ["a storage of 2^62 elements"] = (View(1L << 62, 0, [4], [1]), "declares 4611686018427387904 elements, more than the file can hold"),
        ["a storage of less than nothing"] = (View(-4, 0, [4], [1]), "declares -4 elements"),
        ["a storage of two types"] = (Zip(TestTorch.Floats("0", 4), TestTorch.Tensor(TestTorch.Storage("IntStorage", "0", 4), 0, [4], [1])), "is 4 F32 in one place and 4 I32 in another"),
        ["a storage of two lengths"] = (Zip(TestTorch.Floats("0", 4), TestTorch.Floats("0", 2)), "is 4 F32 in one place and 2 F32 in another"),
        ["a storage with a way out"] = (Zip(TestTorch.Floats("../data.pkl", 4)), "has no member 'archive/data/../data.pkl'"),
        ["a storage whose name is text without end"] = (Zip(TestTorch.Floats(new string('0', 65), 4)), "in another form than PyTorch's"),
        ["a reference to a module"] = (Zip(TestTorch.Tensor(P.Reference(P.Tuple(P.Text("module"), P.None)), 0, [4], [1])), "refers to a 'module', expected a 'storage'"),
        ["a reference that is a number"] = (Zip(TestTorch.Tensor(P.Reference(P.Int(5)), 0, [4], [1])), "refers to the number 5, expected a storage"),
        ["a storage of a class of no numbers"] = (Zip(TestTorch.Tensor(P.Reference(P.Tuple(P.Text("storage"), P.Global("collections", "OrderedDict"), P.Text("0"), P.Text("cpu"), P.Int(4))), 0, [4], [1])), "is of the class collections.OrderedDict"),

        // dictionaries
        ["no dictionary"] = (TestTorch.Zip(P.Pickle(TestTorch.Floats("0", 4)), ("0", Sixteen)), "expected a dictionary of tensors"),
        ["no tensors"] = (TestTorch.Zip(P.Pickle(P.Dict(("w", P.Int(5))))), "holds no dictionary of tensors"),
        ["a name without letters"] = (TestTorch.Zip(P.Pickle(P.Dict(("", TestTorch.Floats("0", 4)))), ("0", Sixteen)), "which is empty, not printable"),
        ["a name that forges a line"] = (TestTorch.Zip(P.Pickle(P.Dict(("w\nlicence  free", TestTorch.Floats("0", 4)))), ("0", Sixteen)), "which is empty, not printable"),
        ["the name of the metadata"] = (TestTorch.Zip(P.Pickle(P.Dict(("__metadata__", TestTorch.Floats("0", 4)))), ("0", Sixteen)), "longer than 1024 characters or reserved"),
        ["thousands of views of one storage"] = (TestTorch.Zip(
            P.Pickle(P.Join("}("u8.ToArray(), P.Text("w"), P.Memo(1, TestTorch.Floats("0", 100_000)), P.Join([.. Enumerable.Range(0, 200).Select(i => P.Join(P.Text($"w{i}"), P.Recall(1)))]), "u"u8.ToArray())),
            ("0", new byte[400_000])), "they see the same numbers too often"),

        // archives
        ["a compressed member"] = (Archive(new TestZipEntry("archive/data.pkl", Sound) { Compress = true }), "is compressed, expected stored"),
        ["an encrypted member"] = (Archive(new TestZipEntry("archive/data.pkl", Sound) { Encrypted = true }), "is encrypted"),
        ["a member twice"] = (Archive(new("archive/data.pkl", Sound), new("archive/data/0", Sixteen), new("archive/data/0", Sixteen)), "member 'archive/data/0' appears twice"),
        ["a member above"] = (Archive(new("archive/data.pkl", Sound), new("archive/../../etc/x", Sixteen)), "leads out of the archive"),
        ["a member at the root"] = (Archive(new("archive/data.pkl", Sound), new("/etc/x", Sixteen)), "leads out of the archive"),
        ["a member of another folder"] = (Archive(new("archive/data.pkl", Sound), new("other/data/0", Sixteen)), "has a member 'other/data/0' outside of 'archive/'"),
        ["a name with backslashes"] = (Archive(new("archive/data.pkl", Sound), new(@"archive\data\0", Sixteen)), "leads out of the archive or is not printable"),
        ["a name that is no UTF-8"] = (Archive(new("archive/data.pkl", Sound), new("x", Sixteen) { RawName = [0x61, 0xff] }), "whose name is not UTF-8"),
        ["a name of a control character"] = (Archive(new("archive/data.pkl", Sound), new("archive/\u0007", Sixteen)), "not printable"),
        ["a damaged pickle"] = (Archive(new TestZipEntry("archive/data.pkl", Sound) { Checksum = 5 }), "member 'archive/data.pkl' fails its checksum"),
        ["another length than stored"] = (Archive(new TestZipEntry("archive/data.pkl", Sound) { Length = 1 << 30 }), "but declares 1073741824"),
        ["the same bytes twice"] = (TestZip.Encode([new("archive/data.pkl", Sound)], repeat: 2), "has a header that contradicts the directory"),
        ["a member within another"] = (Within(), "member 'archive/data/1' overlaps another"),
        ["two pickles"] = (Archive(new("archive/data.pkl", Sound), new("archive/x/data.pkl", Sound)), "has 2 members called data.pkl"),
        ["a program"] = (Archive(new("archive/data.pkl", Sound), new("archive/code/__torch__.py", "x"u8.ToArray())), "is a TorchScript archive, a program"),
        ["constants of a program"] = (Archive(new("archive/data.pkl", Sound), new("archive/constants.pkl", Sound)), "is a TorchScript archive, a program"),
        ["high byte first"] = (Archive(new("archive/data.pkl", Sound), new("archive/byteorder", "big"u8.ToArray()), new("archive/data/0", Sixteen)), "its byte order is 'big', expected 'little'"),
        ["no directory"] = (Archive(new TestZipEntry("archive/data.pkl", Sound))[..^40], "is not a readable zip archive"),
        ["no pickle"] = (Archive(new TestZipEntry("archive/version", "3\n"u8.ToArray())), "is a zip archive without a data.pkl"),
        ["arrays of NumPy"] = (Archive(new TestZipEntry("mu.npy", Sixteen)), "is an archive of NumPy"),

        // files of before 1.6
        ["legacy of another version"] = (P.Join(TestTorch.Legacy(P.None)[..15], P.Pickle(P.Int(1000))), "of an unknown version, expected 1001"),
        ["legacy with the high byte first"] = (P.Join(TestTorch.Legacy(P.None)[..15], P.Pickle(P.Int(1001)), P.Pickle(TestTorch.System("little_endian", P.False))), "does not say that its numbers have the low byte first"),
        ["legacy without storages"] = (P.Join(TestTorch.Legacy(P.None)[..15], P.Pickle(P.Int(1001)), P.Pickle(TestTorch.System("little_endian", P.True)), P.Pickle(P.None)), "ends without STOP"),
        ["legacy with a storage missing"] = (TestTorch.Legacy(Old("0", 4)), "does not hold the storage '0'"),
        ["legacy with a storage of nobody"] = (TestTorch.Legacy(Old("0", 4), ("1", 4, Sixteen)), "lists the string '1' among its storages, which no tensor refers to"),
        ["legacy with another count"] = (TestTorch.Legacy(Old("0", 4), ("0", 3, Sixteen)), "storage '0' has 3 elements, but 4 are declared"),
        ["legacy that ends within a storage"] = (TestTorch.Legacy(Old("0", 4), ("0", 4, new byte[8])), "ends within the storage '0': 16 bytes are declared, 8 are left"),
        ["legacy that ends before a storage"] = (TestTorch.Legacy(Old("0", 4), ("0", 4, Sixteen))[..^20], "ends before the storage '0'"),
        ["legacy with a storage twice"] = (TestTorch.Legacy(Old("0", 4), ("0", 4, Sixteen), ("0", 4, Sixteen)), "lists the storage '0' twice"),
        ["legacy with more behind"] = (P.Join(TestTorch.Legacy(Old("0", 4), ("0", 4, Sixteen)), [1]), "has 1 bytes behind its last storage"),
        ["legacy with a view beyond"] = (TestTorch.Legacy(P.OrderedDict(("w", TestTorch.Tensor(TestTorch.Storage("FloatStorage", "0", 4, P.Tuple(P.Text("9"), P.Int(2), P.Int(3))), 0, [3], [1]))), ("0", 4, Sixteen)), "that does not lie in it"),
        ["legacy with a module"] = (TestTorch.Legacy(P.Dict(("w", P.Reference(P.Tuple(P.Text("module"), P.None, P.Text("x"), P.Text("y")))))), "refers to a 'module', expected a 'storage'"),

        // other files
        ["nothing"] = ([], "is 0 bytes long, too short for weights"),
        ["safetensors"] = ([2, 0, 0, 0, 0, 0, 0, 0, .. "{}"u8], "is a safetensors file already"),
        ["a web page"] = (Encoding.UTF8.GetBytes("<!DOCTYPE html><html><body>Sign in</body></html>"), "is a web page, not weights: the download failed"),
        ["gzip"] = ([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0], "is compressed by gzip; unpack it first"),
        ["tar of the first versions"] = ([.. new byte[257], .. "ustar"u8, .. new byte[250]], "is a tar archive, as PyTorch wrote before 0.1.10"),
        ["some text"] = ("these are no weights"u8.ToArray(), "is no file of PyTorch, NVIDIA's EDM or ONNX"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_that_lies_is_refused(string name)
    {
        var input = new MalformedInput("weights.pth", folder => folder.Write("weights.pth", Cases[name].File), Cases[name].Reason);
        input.AssertRefused(path =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImportFile.Open(path).Dispose();
            }
            finally
            {
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Modest);
            }
        });
    }

    /// <summary>Numbers are compared with their checksum when they are read, and nothing is written of damaged ones.</summary>
    [Fact]
    public void A_damaged_storage_is_found_before_anything_is_written()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("w.pth", Archive(new("archive/data.pkl", Sound), new TestZipEntry("archive/data/0", Sixteen) { Checksum = 5 }));
        using ImportedFile file = ImportFile.Open(path);
        Assert.Contains("member 'archive/data/0' fails its checksum", Assert.Throws<InvalidFileException>(() => file.Save(folder.File("out.safetensors"))).Reason, StringComparison.Ordinal);
        Assert.Equal([path], folder.Contents().Keys);
    }

    /// <summary>Every prefix of a sound file is refused, and so is none of it accepted by chance.</summary>
    [Fact]
    public void A_file_that_ends_early_is_refused_wherever_it_ends()
    {
        using TemporaryFolder folder = new();
        foreach (byte[] whole in new[] { TestTorch.Legacy(Old("0", 4), ("0", 4, Sixteen)), TestTorch.Zip(Sound, ("0", Sixteen)) })
        {
            ImportFile.Open(folder.Write("whole", whole)).Dispose();
            for (int length = 0; length < whole.Length; length++)
            {
                string path = folder.Write("part", whole[..length]);
                Assert.Throws<InvalidFileException>(() => ImportFile.Open(path));
            }
        }
    }

    private static byte[] Zip(params byte[][] tensors) => TestTorch.Zip(P.Pickle(P.OrderedDict([.. tensors.Select((tensor, i) => (i == 0 ? "w" : $"w{i}", tensor))])), ("0", Sixteen));

    private static byte[] Storage(long count) => TestTorch.Storage("FloatStorage", "0", count);

    private static byte[] View(long count, long offset, long[] shape, long[] strides) => Zip(TestTorch.Tensor(Storage(count), offset, shape, strides));

    private static byte[] Old(string key, long count) => P.OrderedDict(("w", TestTorch.Tensor(TestTorch.Storage("FloatStorage", key, count, P.None), 0, [count], [1])));

    /// <summary>An archive whose last member's header and bytes lie within those of the first.</summary>
    private static byte[] Within()
    {
        const string inner = "archive/data/1", outer = "archive/data/0";
        int record = 30 + inner.Length + Sixteen.Length;
        byte[] archive = Archive(new("archive/data.pkl", Sound), new(outer, Archive(new TestZipEntry(inner, Sixteen))[..record]), new(inner, Sixteen));
        int start = 30 + "archive/data.pkl".Length + Sound.Length, place = archive.Length - 22 - inner.Length - 4; // of the first member behind the pickle; of the last offset in the directory
        BitConverter.TryWriteBytes(archive.AsSpan(place), start + 30 + outer.Length);
        return archive;
    }

    private static byte[] Archive(params TestZipEntry[] entries) => TestZip.Encode(entries);
}
