using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Writes_the_bytes_that_the_format_prescribes()
    {
        SafetensorsWriter writer = new();
        writer.Add("b", SafetensorsType.U8, [3], stream => stream.Write([7, 8, 9]));
        writer.Add("z", [], new float[] { 1.5f });
        writer.Add("a", [2, 1], new float[] { -2f, 0.25f });
        writer.SetMetadata("config", "{\"n\": 1}");
        string path = temp.File("out/w.safetensors");
        writer.Save(path);

        byte[] data = [.. BitConverter.GetBytes(-2f), .. BitConverter.GetBytes(0.25f), .. BitConverter.GetBytes(1.5f), 7, 8, 9];
        string checksum = Convert.ToHexStringLower(XxHash128.Hash([.. "6 8 config{\"n\": 1}"u8, .. data]));
        string json = """
            {"__metadata__":{"checksum":"xxh128:CHECKSUM","config":"{\"n\": 1}"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"z":{"dtype":"F32","shape":[],
            "data_offsets":[8,12]},"b":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}}
            """.ReplaceLineEndings("").Replace("CHECKSUM", checksum, StringComparison.Ordinal);
        json = json.PadRight((json.Length + 7) / 8 * 8);
        Assert.Equal([.. BitConverter.GetBytes((long)json.Length), .. Encoding.UTF8.GetBytes(json), .. data], File.ReadAllBytes(path));
        Assert.Equal(["w.safetensors"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName));
    }

    [Fact]
    public void Order_of_adding_does_not_matter_and_every_tensor_is_aligned()
    {
        string[] names = ["enc.b", "enc.a", "x", "A", "é", "__", "long name with \"quotes\" \\ and\nnewline"];
        string[] paths = [.. new[] { names, [.. names.Reverse()] }.Select((order, i) =>
        {
            SafetensorsWriter writer = new();
            foreach (string name in order)
            {
                writer.Add(name + ".f", [3], new float[] { 1, name.Length, 3 });
                writer.Add(name + ".l", [1, 1], new long[] { name.Length });
                writer.Add(name + ".h", SafetensorsType.BF16, [1], stream => stream.Write([1, 2]));
                writer.SetMetadata(name, name);
            }

            string path = temp.File($"{i}.safetensors");
            writer.Save(path);
            return path;
        })];

        Assert.Equal(File.ReadAllBytes(paths[0]), File.ReadAllBytes(paths[1]));
        Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(paths[0])) % 8);
        using SafetensorsFile file = SafetensorsFile.Open(paths[0]);
        Assert.Equal(3 * names.Length, file.Entries.Count);
        Assert.All(file.Entries, entry => Assert.Equal(0, entry.Offset % entry.Type.SizeInBytes()));
        Assert.All(names, name => Assert.Equal([1, name.Length, 3], file.ReadSingles(name + ".f")));
        Assert.All(names, name => Assert.Equal([name.Length], file.ReadInt64s(name + ".l")));
        Assert.All(names, name => Assert.Equal(name, file.Metadata[name]));
    }

    [Fact]
    public void Large_tensors_round_trip_across_the_chunks()
    {
        float[] values = new float[(1 << 19) + 3];
        for (int i = 0; i < values.Length; i++)
            values[i] = BitConverter.Int32BitsToSingle(0x3f000000 ^ (i * 7919 & 0xffffff));
        int[] wholes = [.. Enumerable.Range(-5, 300_001)];
        SafetensorsWriter writer = new();
        writer.Add("values", [values.Length], values);
        writer.Add("wholes", [1, wholes.Length], wholes);
        writer.Save(temp.File("large"));

        using SafetensorsFile file = SafetensorsFile.Open(temp.File("large"), requireFinite: true);
        Assert.Equal(values, file.ReadSingles("values"));
        Assert.Equal(wholes, file.ReadInt32s("wholes"));
        Assert.Equal(wholes.Select(value => (long)value), file.ReadInt64s("wholes"));
        Assert.Equal(4 * values.Length, file.ReadBytes("values").Length);
        Assert.True(file.Require("wholes", [1, wholes.Length]).HasShape([1, wholes.Length]));
        Assert.Throws<ArgumentException>(() => file.Read(file.Require("values"), new float[3].AsSpan()));
    }

    [Fact]
    public void Other_types_are_converted()
    {
        SafetensorsWriter writer = new();
        Add("half", SafetensorsType.F16, [.. BitConverter.GetBytes((Half)1.5f), .. BitConverter.GetBytes(Half.Epsilon)]);
        Add("brain", SafetensorsType.BF16, [0xc0, 0x3f, 0x80, 0xff]);
        Add("double", SafetensorsType.F64, [.. BitConverter.GetBytes(0.1), .. BitConverter.GetBytes(-1e-300)]);
        Add("bool", SafetensorsType.Bool, [1, 0]);
        Add("i8", SafetensorsType.I8, [0xff, 0x7f]);
        Add("u16", SafetensorsType.U16, [0xff, 0xff, 1, 0]);
        Add("u32", SafetensorsType.U32, [0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0]);
        writer.Save(temp.File("types"));

        using SafetensorsFile file = SafetensorsFile.Open(temp.File("types"));
        Assert.Equal([1.5f, (float)Half.Epsilon], file.ReadSingles("half"));
        Assert.Equal([1.5f, float.NegativeInfinity], file.ReadSingles("brain"));
        Assert.Equal([0.1f, -0f], file.ReadSingles("double"));
        Assert.Equal([1, 0], file.ReadInt32s("bool"));
        Assert.Equal([-1, 127], file.ReadInt32s("i8"));
        Assert.Equal([65535, 1], file.ReadInt32s("u16"));
        Assert.Equal([uint.MaxValue, 2L], file.ReadInt64s("u32"));

        void Add(string name, SafetensorsType type, byte[] bytes) => writer.Add(name, type, [2], stream => stream.Write(bytes));
    }

    [Fact]
    public void Empty_tensors_and_an_empty_file_are_valid()
    {
        new SafetensorsWriter().Save(temp.File("none"));
        using SafetensorsFile none = SafetensorsFile.Open(temp.File("none"));
        Assert.Empty(none.Entries);
        Assert.Empty(none.Metadata);

        SafetensorsWriter writer = new();
        writer.Add("b", [2, 0], ReadOnlyMemory<float>.Empty);
        writer.Add("a", [1], new float[] { 4 });
        writer.Add("c", [0], ReadOnlyMemory<float>.Empty);
        writer.Save(temp.File("some"));
        using SafetensorsFile some = SafetensorsFile.Open(temp.File("some"));
        Assert.Empty(some.ReadSingles("b"));
        Assert.Equal([4f], some.ReadSingles("a"));
    }

    [Fact]
    public void Header_order_may_differ_from_the_order_of_the_bytes()
    {
        byte[] json = """{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}  """u8.ToArray();
        string path = temp.Write("w", [.. BitConverter.GetBytes((long)json.Length), .. json, 5, 6]);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(["a", "b"], file.Entries.Select(entry => entry.Name));
        Assert.Equal([5], file.ReadBytes("a"));
        Assert.Equal([6], file.ReadInt32s("b"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Content_of_the_wrong_length_leaves_the_old_file(int length)
    {
        string path = temp.Write("w", 1, 2, 3);
        SafetensorsWriter writer = new();
        writer.Add("a", SafetensorsType.U8, [4], stream => stream.Write(new byte[length]));
        Assert.Throws<InvalidOperationException>(() => writer.Save(path));
        Assert.Equal([1, 2, 3], Assert.Single(temp.Contents()).Value);
    }

    [Fact]
    public void Impossible_tensors_are_refused_on_adding()
    {
        SafetensorsWriter writer = new();
        writer.Add("a", [1], new float[1]);
        Assert.Throws<ArgumentException>(() => writer.Add("a", [1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("", [1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", [1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("b", [2], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("b", [-1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("b", SafetensorsType.F64, [long.MaxValue / 4], _ => { }));
    }

    public void Dispose() => temp.Dispose();
}
