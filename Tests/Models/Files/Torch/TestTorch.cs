using System.Runtime.InteropServices;

namespace TrigFlowNative.Tests.Models;

/// <summary>Makes files of PyTorch, and NVIDIA's pickles of modules, from the formats' description; free to lie about anything.</summary>
internal static class TestTorch
{
    private static readonly byte[] Magic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

    public static byte[] Raw<T>(params T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();

    /// <summary>A file in zip form.</summary>
    public static byte[] Zip(byte[] pickle, params (string Key, byte[] Data)[] storages) => TestZip.Encode(
        [new("archive/data.pkl", pickle), new("archive/version", "3\n"u8.ToArray()), .. storages.Select(each => new TestZipEntry($"archive/data/{each.Key}", each.Data))]);

    /// <summary>A file of the form before 1.6.</summary>
    public static byte[] Legacy(byte[] value, params (string Key, long Count, byte[] Data)[] storages) => P.Join(
        Magic, P.Pickle(P.Int(1001)), P.Pickle(System("little_endian", P.True)), P.Pickle(value), P.Pickle(P.List([.. storages.Select(each => P.Text(each.Key))])),
        [.. storages.SelectMany(each => P.Join(P.U64((ulong)each.Count), each.Data))]);

    public static byte[] System(string key, byte[] value) => P.Dict(("protocol_version", P.Int(1001)), (key, value), ("type_sizes", P.Dict(("short", P.Int(2)))));

    /// <summary>A reference to a storage; the view, of old files only, is another piece.</summary>
    public static byte[] Storage(string type, string key, long count, params byte[][] more) => P.Reference(P.Tuple([P.Text("storage"), P.Global("torch", type), P.Text(key), P.Text("cpu"), P.Int(count), .. more]));

    /// <summary>A tensor of a storage.</summary>
    public static byte[] Tensor(byte[] storage, long offset, long[] shape, long[] strides) => P.Call(
        "torch._utils", "_rebuild_tensor_v2", storage, P.Int(offset), Numbers(shape), Numbers(strides), P.False, P.OrderedDict());

    /// <summary>A tensor of floats that has its storage to itself.</summary>
    public static byte[] Floats(string key, params long[] shape) => Tensor(Storage("FloatStorage", key, Product(shape)), 0, shape, Strides(shape));

    public static byte[] Parameter(byte[] tensor) => P.Call("torch._utils", "_rebuild_parameter", tensor, P.True, P.OrderedDict());

    public static byte[] Numbers(params long[] numbers) => P.Tuple([.. numbers.Select(P.Int)]);

    public static long[] Strides(params long[] shape) => [.. shape.Select((_, axis) => Product(shape[(axis + 1)..]))];

    /// <summary>A tensor in a pickle of a whole object: its storage is a file of the old form within.</summary>
    public static byte[] Embedded(string type, byte[] data, long count, params long[] shape) => Tensor(
        P.Call("torch.storage", "_load_from_bytes", P.Bytes(Legacy(Storage(type, "1", count, P.None), ("1", count, data)))), 0, shape, Strides(shape));

    /// <summary>A module as NVIDIA's persistence pickles it.</summary>
    public static byte[] Module(string className, (string Name, byte[] Tensor)[] parameters, (string Name, byte[] Module)[] modules, byte[]? arguments = null, byte[]? named = null) => P.Call(
        "torch_utils.persistence", "_reconstruct_persistent_obj",
        P.Dict(
            ("type", P.Text("class")), ("version", P.Int(6)), ("module_src", P.Text("raise SystemExit('source text was run')")), ("class_name", P.Text(className)),
            ("state", State(parameters, modules, [("_init_args", arguments ?? P.Tuple()), ("_init_kwargs", named ?? P.Dict(Array.Empty<(string, byte[])>()))]))));

    /// <summary>A module of PyTorch's own classes, such as a dictionary of modules.</summary>
    public static byte[] Container(string className, params (string Name, byte[] Module)[] modules) => P.Build(
        P.Join(P.Global("torch.nn.modules.container", className), P.Tuple(), [0x81]), State([], modules, []));

    /// <summary>Parameters by their names with points, as modules within modules.</summary>
    public static byte[] Tree(string className, IReadOnlyList<(string Name, byte[] Tensor)> parameters, byte[]? arguments = null, byte[]? named = null) => Module(
        className, [.. parameters.Where(each => !each.Name.Contains('.', StringComparison.Ordinal))],
        [
            .. parameters.Where(each => each.Name.Contains('.', StringComparison.Ordinal)).GroupBy(each => each.Name.Split('.')[0])
                .Select(group => (group.Key, Within(group.Key, [.. group.Select(each => (each.Name[(group.Key.Length + 1)..], each.Tensor))]))),
        ],
        arguments, named);

    // enc and dec of the published networks are dictionaries of modules.
    private static byte[] Within(string name, IReadOnlyList<(string Name, byte[] Tensor)> parameters) => name is "enc" or "dec"
        ? Container("ModuleDict", [.. parameters.GroupBy(each => each.Name.Split('.')[0]).Select(group => (group.Key, Tree("Block", [.. group.Select(each => (each.Name[(group.Key.Length + 1)..], each.Tensor))])))])
        : Tree("Layer", parameters);

    private static byte[] State((string Name, byte[] Tensor)[] parameters, (string Name, byte[] Module)[] modules, (string Name, byte[] Value)[] more) => P.Dict(
        [
            ("training", P.False), ("_parameters", P.OrderedDict(parameters)), ("_buffers", P.OrderedDict()), ("_non_persistent_buffers_set", P.Set()),
            ("_modules", P.OrderedDict(modules)), .. more,
        ]);

    private static long Product(params long[] shape) => shape.Aggregate(1L, (product, extent) => product * extent);
}
