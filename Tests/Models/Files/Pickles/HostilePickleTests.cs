using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// Pickles that are broken, lie, or want too much, inside a file of PyTorch and as plain ones: each is refused in one line that names the opcode and its place, without memory
/// being taken for what it claims.
/// </summary>
public class HostilePickleTests
{
    private const long Modest = 4L << 20, AtTheLimit = 512L << 20;

    private static readonly Dictionary<string, (byte[] Pickle, string Reason)> Cases = new(StringComparer.Ordinal)
    {
        ["nothing"] = ([], "the pickle at byte 0 ends without STOP"),
        ["no protocol"] = ("}."u8.ToArray(), "EMPTY_DICT at byte 0 stands where PROTO must"),
        ["protocol 1"] = ([0x80, 1, (byte)'}', (byte)'.'], "PROTO at byte 0 says protocol 1, expected 2 to 5"),
        ["protocol 6"] = ([0x80, 6, (byte)'}', (byte)'.'], "PROTO at byte 0 says protocol 6"),
        ["protocol twice"] = (P.Pickle([0x80, 2, (byte)'}']), "PROTO at byte 2 stands in the midst"),
        ["no STOP"] = ([0x80, 2, (byte)'}'], "the pickle at byte 3 ends without STOP"),
        ["STOP on nothing"] = ([0x80, 2, (byte)'.'], "STOP at byte 2 needs 1 value, but the stack has 0"),
        ["two values"] = (P.Pickle("}}"u8.ToArray()), "STOP at byte 4 leaves 1 values"),
        ["open mark"] = (P.Pickle(P.Join("("u8.ToArray(), "}"u8.ToArray())), "STOP at byte 4 leaves"),
        ["bytes behind STOP"] = (P.Join(P.Pickle("}"u8.ToArray()), [0]), "1 bytes behind its STOP"),
        ["unknown opcode"] = (P.Pickle([0xff]), "the byte 0xff at byte 2 is no opcode of a pickle"),
        ["opcode of protocol 0"] = (P.Pickle("I5\n"u8.ToArray()), "INT at byte 2 is an opcode that no file of this kind has"),
        ["instance by name"] = (P.Pickle("(ios\nsystem\n"u8.ToArray()), "INST at byte 3 is an opcode that no file of this kind has"),
        ["extension registry"] = (P.Pickle([0x82, 1]), "EXT1 at byte 2 is an opcode"),
        ["persistent id as text"] = (P.Pickle("Pstorage\n"u8.ToArray()), "PERSID at byte 2 is an opcode"),
        ["buffer outside"] = (P.Pickle([0x97]), "NEXT_BUFFER at byte 2 is an opcode"),
        ["keyword arguments"] = (P.Pickle([0x92]), "NEWOBJ_EX at byte 2 is an opcode"),
        ["number in text of megabytes"] = (P.Pickle([0x8b, 0xff, 0xff, 0xff, 0x7f]), "LONG4 at byte 2 is an opcode"),
        ["underflow of REDUCE"] = (P.Pickle("R"u8.ToArray()), "REDUCE at byte 2 needs 2 values, but the stack has 0"),
        ["underflow of TUPLE3"] = (P.Pickle([(byte)'N', (byte)'N', 0x87]), "TUPLE3 at byte 4 needs 3 values, but the stack has 2"),
        ["underflow below a mark"] = (P.Pickle("}NN(s"u8.ToArray()), "SETITEM at byte 6 needs 2 values, but the stack has 0"),
        ["no mark"] = (P.Pickle("}u"u8.ToArray()), "SETITEMS at byte 3 finds no mark"),
        ["nothing under the mark"] = (P.Pickle("(NNu"u8.ToArray()), "SETITEMS at byte 5 finds nothing on the stack"),
        ["memo never set"] = (P.Pickle("h\u0005"u8.ToArray()), "BINGET at byte 2 asks for number 5 of the memo"),
        ["memo of nothing"] = (P.Pickle("q\u0005"u8.ToArray()), "BINPUT at byte 2 finds nothing"),
        ["key without value"] = (P.Pickle("}(Nu"u8.ToArray()), "SETITEMS at byte 5 has a key without a value"),
        ["entries of a number"] = (P.Pickle("K\u0001NNs"u8.ToArray()), "SETITEM at byte 6 sets entries of the number 1"),
        ["items of a tuple"] = (P.Pickle(")Na"u8.ToArray()), "APPEND at byte 4 appends to a tuple of 0"),
        ["a dictionary as a key"] = (P.Pickle("}}Ns"u8.ToArray()), "SETITEM at byte 5 has a dictionary of 0 as a key"),
        ["a key twice"] = (P.Pickle(P.Dict(("w", P.None), ("w", P.None))), "sets the string 'w' twice"),
        ["string longer than the file"] = (P.Pickle([(byte)'X', 0, 1, 0, 0, (byte)'a']), "BINUNICODE at byte 2 declares 256 bytes, but 2 are left"),
        ["string over the limit"] = (P.Pickle(P.Text(new string('a', 65_537))), "BINUNICODE at byte 2 has a string of 65537 bytes, at most 65536"),
        ["string of 4 GiB"] = (P.Pickle([(byte)'X', 0xff, 0xff, 0xff, 0xff]), "BINUNICODE at byte 2 has a string of 4294967295 bytes"),
        ["string of 16 EiB"] = (P.Pickle([0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "BINUNICODE8 at byte 2 has a string of 18446744073709551615 bytes"),
        ["bytes of 16 EiB"] = (P.Pickle([0x8e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "BINBYTES8 at byte 2 declares 18446744073709551615 bytes"),
        ["bytes of 2 GiB"] = (P.Pickle([(byte)'B', 0, 0, 0, 0x80]), "BINBYTES at byte 2 declares 2147483648 bytes"),
        ["frame beyond the end"] = (P.Pickle(P.Join([0x95], P.U64(1 << 20))), "FRAME at byte 2 declares 1048576 bytes"),
        ["string that is no UTF-8"] = (P.Pickle([(byte)'X', 1, 0, 0, 0, 0xff]), "BINUNICODE at byte 2 has a string that is not UTF-8"),
        ["surrogate alone"] = (P.Pickle([(byte)'X', 3, 0, 0, 0, 0xed, 0xa0, 0x80]), "is not UTF-8"),
        ["number of 255 bytes"] = (P.Pickle(P.Join([0x8a, 255], new byte[255])), "LONG1 at byte 2 has a number of 255 bytes, at most 16"),
        ["ends within a number"] = ([0x80, 2, (byte)'J', 1, 2], "BININT at byte 2 declares 4 bytes, but 2 are left"),
        ["name without end"] = (P.Pickle([(byte)'c', .. Enumerable.Repeat((byte)'a', 600)]), "GLOBAL at byte 2 has a name of more than 511 bytes"),
        ["name with a blank"] = (P.Pickle(P.Global("os ", "system")), "GLOBAL at byte 2 has the name 'os .system', which is none of Python's"),
        ["empty name"] = (P.Pickle(P.Global("", "")), "which is none of Python's"),
        ["name of numbers"] = (P.Pickle([(byte)'K', 1, (byte)'K', 2, 0x93]), "STACK_GLOBAL at byte 6 takes the number 1 and the number 2 for a name"),
        ["call of a string"] = (P.Pickle(P.Join(P.Text("os.system"), P.Tuple(), "R"u8.ToArray())), "calls the string 'os.system', expected a name"),
        ["call with a list"] = (P.Pickle(P.Join(P.Global("collections", "OrderedDict"), "]R"u8.ToArray())), "passes a list of 0, expected a tuple"),
        ["call of a call"] = (P.Pickle(P.Call(P.Call("collections", "OrderedDict"))), "expected a name"),
        ["state of a dictionary"] = (P.Pickle("}}b"u8.ToArray()), "BUILD at byte 4 sets the state of a dictionary"),
        ["state twice"] = (P.Pickle(P.Build(P.Build(P.OrderedDict(), P.None), P.None)), "twice"),
        ["tuples within tuples"] = (P.Pickle([(byte)'N', .. Enumerable.Repeat((byte)0x85, 101)]), "TUPLE1 at byte 103 puts more than 100 containers into each other"),
        ["marks within marks"] = (P.Pickle([.. Enumerable.Repeat((byte)'(', 101)]), "MARK at byte 102 is within 100 others"),
        ["a list that grows around itself"] = (P.Pickle(P.Join([(byte)']', (byte)'q', 0], P.Join([.. Enumerable.Repeat<byte[]>([(byte)'h', 0, (byte)'a'], 101)]))), "puts more than 100 containers into each other"),
    };

    /// <summary>What a file of NVIDIA's may not name, though nothing that it names is called.</summary>
    private static readonly (string Module, string Name)[] Running =
    [
        ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("__builtin__", "eval"),
        ("builtins.eval", "__call__"), ("sys", "exit"), ("importlib", "import_module"), ("torch", "load"), ("torch.hub", "load"), ("torch.utils.cpp_extension", "load_inline"), ("numpy", "load"),
        ("operator", "attrgetter"), ("functools", "partial"), ("os.path", "exists"),
    ];

    public static TheoryData<string> Names => [.. Cases.Keys];

    public static TheoryData<string, string> RunningNames => new(Running.Select(each => (each.Module, each.Name)));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_broken_pickle_in_a_zip_is_refused(string name) => AssertRefused(TestTorch.Zip(Cases[name].Pickle), "data.pkl: ", Cases[name].Reason, Modest);

    [Theory]
    [MemberData(nameof(RunningNames))]
    public void A_name_that_runs_code_is_refused_in_every_kind_of_file(string module, string name)
    {
        byte[] call = P.Call(module, name, P.Text("touch /tmp/was-run"));
        AssertRefused(TestTorch.Zip(P.Pickle(P.Dict(("w", call)))), $"names {module}.{name}", "", Modest);
        AssertRefused(TestTorch.Legacy(P.Dict(("w", call))), $"names {module}.{name}", "", Modest);
        AssertRefused(P.Pickle(P.Dict(("ema", TestTorch.Module("Precond", [("w", call)], []))), protocol: 4), $"names {module}.{name}", "reaches the system or runs code", Modest);
        AssertRefused(P.Pickle(P.Call(P.StackGlobal(module, name)), protocol: 4), $"STACK_GLOBAL at byte {6 + module.Length + name.Length} names {module}.{name}", "", Modest);
    }

    /// <summary>The machine does not remember more, nor work longer, than its limits say, however small the file is.</summary>
    [Fact]
    public void Limits_of_work_and_memory_hold()
    {
        AssertRefused(TestTorch.Zip(P.Pickle([.. Enumerable.Range(0, 1_000_001).Select(i => i % 2 == 0 ? (byte)'N' : (byte)'0')])), "is one more than 1000000 opcodes", "", AtTheLimit);

        using TemporaryFolder folder = new();
        using FileBytes file = FileBytes.Open(folder.Write("texts", P.Pickle(P.Join("]("u8.ToArray(), P.Join([.. Enumerable.Repeat(P.Text(new string('a', 60_000)), 12)])))));
        Assert.Contains("makes values of more than 1 MiB", Assert.Throws<InvalidFileException>(() => Read(1L << 20)).Reason, StringComparison.Ordinal);
        Assert.Contains("STOP at byte 720064 leaves", Assert.Throws<InvalidFileException>(() => Read(2L << 20)).Reason, StringComparison.Ordinal);

        void Read(long memory) => PickleMachine.Read(file, file.All, ObjectNames.Instance, PickleLimits.Default with { Memory = memory });
    }

    private static void AssertRefused(byte[] content, string first, string second, long allowed)
    {
        var input = new MalformedInput("weights.pth", folder => folder.Write("weights.pth", content), first);
        input.AssertRefused(path =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImportFile.Open(path).Dispose();
            }
            catch (InvalidFileException e)
            {
                Assert.Contains(second, e.Reason, StringComparison.Ordinal);
                throw;
            }
            finally
            {
                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, allowed);
            }
        });
    }
}
