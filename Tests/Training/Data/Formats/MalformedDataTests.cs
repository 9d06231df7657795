using System.Text;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class MalformedDataTests
{
    private const string ImagesName = "train-images-idx3-ubyte";
    private const string LabelsName = "train-labels-idx1-ubyte";

    private static readonly byte[] Image = TestPng.Encode([.. Enumerable.Range(0, 8 * 8 * 3).Select(i => (byte)(i * 7))], 8, 8, 3);

    private static readonly Dictionary<string, MalformedInput> Cases = new(StringComparer.Ordinal)
    {
        ["nothing there"] = new("absent", _ => { }, "no such file"),
        ["empty folder"] = new("set", folder => Directory.CreateDirectory(folder.File("set")), "no PNG or JPEG images"),
        ["folder of text"] = new("set", folder => folder.Write("set/a.txt", 1), "no PNG or JPEG images"),
        ["file of text"] = Single("notes.txt", "is no known data set", "hello"u8.ToArray()),
        ["empty file"] = Single("data", "is no known data set"),

        ["cifar: empty"] = Single("data_batch_1.bin", "is empty"),
        ["cifar: byte short"] = Single("data_batch_1.bin", "is 3072 bytes long, not a multiple", new byte[3072]),
        ["cifar: byte long"] = Single("data_batch_1.bin", "not a multiple of CIFAR-10's record of 3073", new byte[2 * 3073 + 1]),
        ["cifar: label 10"] = Single("data_batch_1.bin", "label 10 in record 1", [.. CifarReaderTests.Record(9, 1), .. CifarReaderTests.Record(10, 1)]),
        ["cifar: second file short"] = new("set", folder =>
        {
            folder.Write("set/data_batch_1.bin", CifarReaderTests.Record(1, 1));
            folder.Write("set/data_batch_2.bin", new byte[100]);
        }, "is 100 bytes long", "set/data_batch_2.bin"),

        ["mnist: empty"] = Idx("is truncated", []),
        ["mnist: magic of labels"] = Idx("magic number 0x00000801, expected 0x00000803", TestIdx.Labels(1, 2, 3)),
        ["mnist: magic of floats"] = Idx("magic number 0x00000d03", TestIdx.Encode(0xd03, [1, 1, 1], [0])),
        ["mnist: header cut"] = Idx("is truncated", TestIdx.Images(1, 2, 2)[..11]),
        ["mnist: data cut"] = Idx("its extents 3 x 4 x 4 do not fit", TestIdx.Images(3, 4, 4)[..^1]),
        ["mnist: data too long"] = Idx("do not fit", [.. TestIdx.Images(3, 4, 4), 0]),
        ["mnist: count lies"] = Idx("its extents 2147483647 x 4 x 4 do not fit", TestIdx.Encode(0x803, [int.MaxValue, 4, 4], new byte[16])),
        ["mnist: extents overflow"] = Idx("do not fit", TestIdx.Encode(0x803, [1 << 30, 1 << 30, 16], new byte[16])),
        ["mnist: no images"] = Idx("has the extent 0", TestIdx.Encode(0x803, [0, 28, 28], [])),
        ["mnist: negative extent"] = Idx("has the extent -1", TestIdx.Encode(0x803, [-1, -1, 1], [0])),
        ["mnist: enormous images"] = Idx("holds images of 5000 x 1", TestIdx.Images(1, 5000, 1)),
        ["mnist: gzip cut"] = Idx("is truncated", TestIdx.Gzip(TestIdx.Images(3, 28, 28))[..^40]),
        ["mnist: gzip of nothing"] = Idx("is truncated", TestIdx.Gzip([])),
        ["mnist: gzip header only"] = Idx("is truncated", [0x1f, 0x8b]),
        ["mnist: gzip damaged"] = Idx("is damaged gzip", Damage(TestIdx.Gzip(TestIdx.Images(3, 28, 28)), 10, 0xff)),
        ["mnist: gzip checksum"] = Idx("is damaged gzip", Damage(TestIdx.Gzip(TestIdx.Images(3, 28, 28)), ^6, 0x55)),
        ["mnist: gzip count too small"] = Idx("holds more bytes than its extents", TestIdx.Gzip([.. TestIdx.Images(3, 4, 4), 0])),
        ["mnist: gzip count too large"] = Idx("is truncated", TestIdx.Gzip(TestIdx.Encode(0x803, [3, 4, 4], new byte[47]))),
        ["mnist: gzip promises gigabytes"] = Idx("its extents 1000000 x 64 x 64 do not fit", TestIdx.Gzip(TestIdx.Encode(0x803, [1_000_000, 64, 64], new byte[4096]))),
        ["mnist: fewer labels"] = IdxLabels("holds 2 labels for 3 images", TestIdx.Labels(1, 2)),
        ["mnist: more labels"] = IdxLabels("holds 4 labels for 3 images", TestIdx.Labels(1, 2, 3, 4)),
        ["mnist: labels cut"] = IdxLabels("its extents 3 do not fit", TestIdx.Labels(1, 2, 3)[..^1]),
        ["mnist: images for labels"] = IdxLabels("expected 0x00000801", TestIdx.Images(3, 4, 4)),

        ["png: empty"] = Png("is not a readable PNG"),
        ["png: text"] = Png("is not a readable PNG", "not an image"u8.ToArray()),
        ["png: signature only"] = Png("is not a readable PNG", Image[..8]),
        ["png: truncated"] = Png("is a truncated image", Image[..^40]),
        ["png: damaged"] = Png("is a damaged image", Damage(Image, Image.Length / 2, 0xff)),
        ["png: another format inside"] = Png("is not a readable PNG or JPEG", "GIF89a\x01\0\x01\0\0\0\0;"u8.ToArray()),
        ["png: side beyond the limit"] = Png("has 20000 x 8 pixels, at most 16384 a side", TestPng.Encode(new byte[192], 8, 8, 3, declaredWidth: 20000)),
        ["png: area beyond the limit"] = Png("has 16000 x 16000 pixels, at most", TestPng.Encode(new byte[192], 8, 8, 3, 16000, 16000)),
        ["png: absurd dimensions"] = Png("is not a readable PNG", TestPng.Encode(new byte[192], 8, 8, 3, int.MaxValue, int.MaxValue)),
        ["png: width zero"] = Png("is not a readable PNG", TestPng.Encode(new byte[192], 8, 8, 3, declaredWidth: 0)),
        ["folder: images on two levels"] = new("set", folder =>
        {
            folder.Write("set/a.png", Image);
            folder.Write("set/b/c.png", Image);
        }, "1 images directly and 1 in sub-folders"),
        ["folder: bad dataset.json"] = new("set", folder =>
        {
            folder.Write("set/a.png", Image);
            folder.Write("set/dataset.json", "{"u8.ToArray());
        }, "is not valid JSON", "set/dataset.json"),

        ["zip: empty file"] = Single("set.zip", "is not a readable zip archive"),
        ["zip: text"] = Single("set.zip", "is not a readable zip archive", "PK, but no archive"u8.ToArray()),
        ["zip: truncated"] = Single("set.zip", "is not a readable zip archive", TestZip.Encode([new("a.png", Image)])[..^30]),
        ["zip: head cut off"] = Single("set.zip", "is not a readable zip archive", TestZip.Encode([new("a.png", Image)])[60..]),
        ["zip: no images"] = Zip("holds no PNG or JPEG entries", new TestZipEntry("a.txt", [1])),
        ["zip: no entries"] = Zip("holds no PNG or JPEG entries"),
        ["zip: entry that is no image"] = Zip("entry 'b.png' is not a readable PNG", new("a.png", Image), new("b.png", [1, 2, 3])),
        ["zip: truncated image"] = Zip("entry 'a.png' is a truncated image", new TestZipEntry("a.png", Image[..^40])),
        ["zip: entry twice"] = Zip("entry 'a.png' appears twice", new("a.png", Image), new("a.png", Image)),
        ["zip: encrypted entry"] = Zip("entry 'a.png' is encrypted", new TestZipEntry("a.png", Image) { Encrypted = true }),
        ["zip: wrong checksum"] = Zip("entry 'a.png' fails its checksum", new TestZipEntry("a.png", Image) { Checksum = 1 }),
        ["zip: damaged compression"] = Single("set.zip", "entry 'a.png'", Damage(TestZip.Encode([new("a.png", Image) { Compress = true }]), 36, 0xff)),
        ["zip: entry that promises gigabytes"] = Zip("entry 'a.png' unpacks to 4000000000 bytes, at most", new TestZipEntry("a.png", Image) { Length = 4_000_000_000 }),
        ["zip: entry that promises more than deflate can give"] = Zip("declares 60000000 bytes, more than it can hold", new TestZipEntry("a.png", Image) { Compress = true, Length = 60_000_000 }),
        ["zip: entry that promises too much"] = Zip("entry 'a.png' ends after 5000 of 9000 bytes", new TestZipEntry("a.png", new byte[5000]) { Compress = true, Length = 9000 }),
        ["zip: entry that holds more than it promises"] = Zip("entry 'a.png' fails its checksum", new TestZipEntry("a.png", new byte[5000]) { Compress = true, Length = 4000 }),
        ["zip: bomb of overlapping entries"] = Single("set.zip", "unpacks to more than 268435456 bytes", TestZip.Encode([new("a.png", new byte[1 << 22]) { Compress = true }], repeat: 65)),

        ["dataset.json: not JSON"] = Labels("dataset.json is not valid JSON", "{\"labels\": ["),
        ["dataset.json: array"] = Labels("dataset.json is not a JSON object", "[]"),
        ["dataset.json: labels a number"] = Labels("labels that are not an array", "{\"labels\": 5}"),
        ["dataset.json: pair of three"] = Labels("not a pair", "{\"labels\": [[\"a.png\", 1, 2]]}"),
        ["dataset.json: name a number"] = Labels("not a pair", "{\"labels\": [[1, 1]]}"),
        ["dataset.json: class negative"] = Labels("gives 'a.png' a class that is not", "{\"labels\": [[\"a.png\", -1]]}"),
        ["dataset.json: class fractional"] = Labels("gives 'a.png' a class that is not", "{\"labels\": [[\"a.png\", 1.5]]}"),
        ["dataset.json: class a vector"] = Labels("gives 'a.png' a class that is not", "{\"labels\": [[\"a.png\", [0, 1]]]}"),
        ["dataset.json: class enormous"] = Labels("gives 'a.png' a class that is not", "{\"labels\": [[\"a.png\", 2147483647]]}"),
        ["dataset.json: label for a missing entry"] = Labels("labels 'b.png', which is missing", "{\"labels\": [[\"a.png\", 1], [\"b.png\", 1]]}"),
        ["dataset.json: entry without a label"] = Labels("has no label for 'a.png'", "{\"labels\": []}"),
        ["dataset.json: label twice"] = Labels("labels 'a.png' twice", "{\"labels\": [[\"a.png\", 1], [\"a.png\", 1]]}"),
    };

    private static readonly Dictionary<string, MalformedInput> NpzCases = new(StringComparer.Ordinal)
    {
        ["absent"] = new("samples.npz", _ => { }, "no such file"),
        ["empty"] = Single("samples.npz", "is not a readable zip archive"),
        ["not a zip"] = Single("samples.npz", "is not a readable zip archive", new byte[500]),
        ["truncated"] = Single("samples.npz", "is not a readable zip archive", TestZip.Encode([new("arr_0.npy", Npy("|u1", "1, 1, 1, 1", 1))])[..^1]),
        ["no arr_0"] = Npz("holds no array arr_0", new TestZipEntry("arr_1.npy", Npy("|u1", "1, 1, 1, 1", 1))),
        ["no array"] = Array("is not an .npy array", "hello, this is text"u8.ToArray()),
        ["magic only"] = Array("is not an .npy array", Npy("|u1", "1, 1, 1, 1", 1)[..8]),
        ["version 9"] = Array("has the .npy version 9", Damage(Npy("|u1", "1, 1, 1, 1", 1), 6, 1 ^ 9)),
        ["header longer than the file"] = Array("longer than the array", Damage(Npy("|u1", "1, 1, 1, 1", 1), 9, 0x7f)),
        ["header no dictionary"] = Array("not the expected dictionary", Npy("|u1", "1, 1)((", 1)),
        ["header with code"] = Array("not the expected dictionary", Npy("|u1' + exit() + '", "1, 1, 1, 1", 1)),
        ["floats"] = Array("elements of type '<f4'", Npy("<f4", "1, 1, 1, 1", 4)),
        ["objects"] = Array("elements of type '|O'", Npy("|O", "1, 1, 1, 1", 1)),
        ["Fortran order"] = Array("Fortran order", Npy("|u1", "1, 1, 1, 1", 1, fortran: true)),
        ["three extents"] = Array("has the shape (2, 2, 3), expected", Npy("|u1", "2, 2, 3", 12)),
        ["two channels"] = Array("has the shape (1, 2, 2, 2), expected", Npy("|u1", "1, 2, 2, 2", 8)),
        ["height zero"] = Array("has the shape (1, 0, 2, 3), expected", Npy("|u1", "1, 0, 2, 3", 0)),
        ["negative extent"] = Array("unusable shape (-1, 2, 2, 3)", Npy("|u1", "-1, 2, 2, 3", 12)),
        ["extent beyond 31 bits"] = Array("unusable shape (4294967297", Npy("|u1", "4294967297, 1, 1, 1", 1)),
        ["no extents"] = Array("unusable shape ()", Npy("|u1", "", 1)),
        ["data short"] = Array("has 11 bytes of data, its shape (1, 2, 2, 3) needs 12", Npy("|u1", "1, 2, 2, 3", 11)),
        ["data long"] = Array("has 13 bytes of data", Npy("|u1", "1, 2, 2, 3", 13)),
        ["shape that overflows to the right size"] = Array("needs 18446744073709551616", Npy("|u1", "1073741824, 1073741824, 16, 1", 0)),
        ["wrong checksum"] = Npz("fails its checksum", new TestZipEntry("arr_0.npy", Npy("|u1", "1, 1, 1, 1", 1)) { Checksum = 7 }),
        ["bomb"] = Npz("unpacks to 4294967294 bytes, at most 1073741824", new TestZipEntry("arr_0.npy", new byte[1 << 20]) { Compress = true, Length = uint.MaxValue - 1 }),
        ["bomb that lies"] = Npz("declares 1000000000 bytes, more than it can hold", new TestZipEntry("arr_0.npy", new byte[1000]) { Compress = true, Length = 1_000_000_000 }),
        ["too many entries"] = Single("samples.npz", "has 65 entries, at most 64", TestZip.Encode([new("arr_0.npy", [1])], repeat: 65)),
    };

    public static TheoryData<string> CaseNames => [.. Cases.Keys];

    public static TheoryData<string> NpzCaseNames => [.. NpzCases.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Malformed_data_set_is_refused(string name) => Cases[name].AssertRefused(path => ImageDataset.Open(path, 8, 3));

    [Theory]
    [MemberData(nameof(NpzCaseNames))]
    public void Malformed_npz_is_refused(string name) => NpzCases[name].AssertRefused(path => TrigFlowNative.Training.Files.Npz.Read(path));

    private static MalformedInput Single(string name, string reason, params byte[] bytes) => new(name, folder => folder.Write(name, bytes), reason);

    private static MalformedInput Idx(string reason, byte[] bytes) => Single(ImagesName, reason, bytes);

    private static MalformedInput IdxLabels(string reason, byte[] labels) => new(ImagesName, folder =>
    {
        folder.Write(ImagesName, TestIdx.Images(3, 4, 4));
        folder.Write(LabelsName, labels);
    }, reason, LabelsName);

    private static MalformedInput Png(string reason, params byte[] bytes) => new("set", folder =>
    {
        folder.Write("set/0.png", Image);
        folder.Write("set/1.png", bytes);
    }, reason, "set/1.png");

    private static MalformedInput Zip(string reason, params TestZipEntry[] entries) => Single("set.zip", reason, TestZip.Encode(entries));

    private static MalformedInput Labels(string reason, string json) =>
        Zip(reason, new("a.png", Image), new("dataset.json", Encoding.UTF8.GetBytes(json)));

    private static MalformedInput Npz(string reason, params TestZipEntry[] entries) => Single("samples.npz", reason, TestZip.Encode(entries));

    private static MalformedInput Array(string reason, byte[] npy) => Npz(reason, new TestZipEntry("arr_0.npy", npy));

    private static byte[] Npy(string type, string shape, int dataLength, bool fortran = false)
    {
        byte[] text = Encoding.ASCII.GetBytes($"{{'descr': '{type}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': ({shape}), }}\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, 0, .. text, .. new byte[dataLength]];
    }

    private static byte[] Damage(byte[] bytes, Index index, byte flip)
    {
        byte[] damaged = [.. bytes];
        damaged[index] ^= flip;
        return damaged;
    }
}
