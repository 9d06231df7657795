using System.Runtime.InteropServices;
using System.Text;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class SafetensorsMalformedTests
{
    private static readonly Dictionary<string, MalformedInput> Cases = new(StringComparer.Ordinal)
    {
        ["empty file"] = Raw("is 0 bytes long"),
        ["seven bytes"] = Raw("is 7 bytes long", new byte[7]),
        ["length prefix only"] = Raw("truncated, or not a safetensors file", Prefix(2)),
        ["header of length zero"] = Raw("not a JSON object", Prefix(0)),
        ["header longer than the file"] = Raw("a header of 1000 bytes in a file of 10", [.. Prefix(1000), .. "{}"u8]),
        ["header length beyond the limit"] = Raw("exceeds the format's limit", [.. Prefix(100_000_001), .. "{}"u8]),
        ["header longer than is accepted"] = Raw("has a header of 16777217 bytes, at most 16777216 are accepted", [.. Prefix((16 << 20) + 1), .. "{}"u8]),
        ["header length with the sign bit"] = Raw("exceeds the format's limit", [.. Prefix(ulong.MaxValue), .. "{}"u8]),
        ["header not JSON"] = Header("{\"a\": nonsense}", "the header is not JSON"),
        ["header cut in the middle"] = Header("{\"a\":{\"dtype\":\"F32\",\"sha", "the header is not JSON"),
        ["header an array"] = Header("[1, 2]", "not a JSON object"),
        ["header behind a space"] = Header(" {}", "not a JSON object"),
        ["header with bad UTF-8"] = Raw("the header is not JSON", [.. Prefix(7), .. "{\""u8, 0xff, .. "\":{}"u8]),
        ["two header objects"] = Header("{}{}", "the header is not JSON"),
        ["lone surrogate as name"] = Header("{\"\\ud800\":{}}", "not valid Unicode"),
        ["tensor not an object"] = Header("{\"a\":5}", "'a' is not described by an object"),
        ["metadata not an object"] = Header("{\"__metadata__\":[]}", "__metadata__ is not an object"),
        ["metadata not a string"] = Header("{\"__metadata__\":{\"k\":1}}", "the metadata 'k' is not a string"),
        ["duplicate metadata key"] = Header("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", "duplicate key 'k'"),
        ["no dtype"] = Header("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "lacks one of dtype"),
        ["no shape"] = Header("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "lacks one of dtype"),
        ["unknown key"] = Header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", "unknown key 'x'"),
        ["duplicate dtype"] = Header("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "duplicate key 'dtype'"),
        ["duplicate tensor"] = Tensors("duplicate key 'a'", 4, Tensor("a", "F32", "1", 0, 4), Tensor("a", "F32", "1", 0, 4)),
        ["unknown dtype"] = Tensors("unknown dtype 'F31'", 4, Tensor("a", "F31", "1", 0, 4)),
        ["dtype in lower case"] = Tensors("unknown dtype 'f32'", 4, Tensor("a", "f32", "1", 0, 4)),
        ["negative extent"] = Tensors("holds a negative number", 4, Tensor("a", "F32", "-1", 0, 4)),
        ["two negative extents"] = Tensors("holds a negative number", 4, Tensor("a", "F32", "-1,-1", 0, 4)),
        ["fractional extent"] = Tensors("holds a value that is not a 64-bit integer", 4, Tensor("a", "F32", "1.5", 0, 4)),
        ["extent beyond 64 bits"] = Tensors("not a 64-bit integer", 4, Tensor("a", "F32", "18446744073709551617", 0, 4)),
        ["product that wraps to the right size"] = Tensors("the shape of tensor 'a' overflows", 4, Tensor("a", "F32", "4294967296,4294967296,1", 0, 4)),
        ["shape larger than the offsets"] = Tensors("needs 24 bytes, data_offsets give 20", 20, Tensor("a", "F32", "2,3", 0, 20)),
        ["shape right for another dtype"] = Tensors("needs 6 bytes, data_offsets give 12", 12, Tensor("a", "BF16", "3", 0, 12)),
        ["three offsets"] = Header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", "are not two numbers"),
        ["offsets backwards"] = Tensors("run backwards", 8, Tensor("a", "F32", "1", 8, 4)),
        ["negative offset"] = Tensors("holds a negative number", 4, Tensor("a", "F32", "1", -4, 0)),
        ["truncated data"] = Tensors("ends at byte 8 of 7", 7, Tensor("a", "F32", "2", 0, 8)),
        ["offset far out of range"] = Tensors("of 4: the file is truncated", 4, Tensor("a", "F32", "1", 9223372036854775803, 9223372036854775807)),
        ["overlapping tensors"] = Tensors("'a' and 'b' overlap", 6, Tensor("a", "U8", "4", 0, 4), Tensor("b", "U8", "4", 2, 6)),
        ["two tensors in one place"] = Tensors("overlap", 4, Tensor("a", "U8", "4", 0, 4), Tensor("b", "U8", "4", 0, 4)),
        ["hole between tensors"] = Tensors("a hole of 2 bytes before tensor 'b'", 10, Tensor("a", "U8", "4", 0, 4), Tensor("b", "U8", "4", 6, 10)),
        ["hole at the start"] = Tensors("a hole of 1 bytes before tensor 'a'", 5, Tensor("a", "U8", "4", 1, 5)),
        ["trailing bytes"] = Tensors("3 bytes behind the last tensor", 7, Tensor("a", "U8", "4", 0, 4)),
    };

    private static readonly Dictionary<string, (MalformedInput Input, Action<SafetensorsFile> Read)> ReadCases = new(StringComparer.Ordinal)
    {
        ["weights with NaN"] = (Values("F32", 3, [1f, float.NaN, 2f], "'a' holds NaN at element 1"), file => file.ReadSingles("a")),
        ["weights with infinity"] = (Values("F32", 3, [1f, 2f, float.NegativeInfinity], "at element 2"), file => file.ReadSingles("a")),
        ["half with NaN"] = (Values("F16", 1, [(ushort)0x7e00], "'a' holds NaN at element 0"), file => file.ReadSingles("a")),
        ["bfloat16 with infinity"] = (Values("BF16", 2, [(ushort)0, (ushort)0x7f80], "at element 1"), file => file.ReadSingles("a")),
        ["double beyond single"] = (Values("F64", 1, [1e200], "at element 0"), file => file.ReadSingles("a")),
        ["missing tensor"] = (Values("F32", 1, [1f], "no tensor 'b'"), file => file.ReadSingles("b")),
        ["another shape than the model's"] = (Values("F32", 3, [1f, 2f, 3f], "has shape [3], expected [3, 1]"), file => file.Require("a", [3, 1])),
        ["integers where floats belong"] = (Values("I32", 1, [1], "expected floating-point numbers"), file => file.ReadSingles("a")),
        ["floats where integers belong"] = (Values("F32", 1, [1f], "expected integers"), file => file.ReadInt32s("a")),
        ["integer beyond 32 bits"] = (Values("I64", 1, [1L << 31], "beyond the range of Int32"), file => file.ReadInt32s("a")),
        ["integer beyond 63 bits"] = (Values("U64", 1, [ulong.MaxValue], "beyond the range of Int64"), file => file.ReadInt64s("a")),
    };

    public static TheoryData<string> CaseNames => [.. Cases.Keys];

    public static TheoryData<string> ReadCaseNames => [.. ReadCases.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Malformed_file_is_refused_on_opening(string name) => Cases[name].AssertRefused(path => SafetensorsFile.Open(path).Dispose());

    [Theory]
    [MemberData(nameof(ReadCaseNames))]
    public void Unfit_values_are_refused_on_reading(string name) => ReadCases[name].Input.AssertRefused(path =>
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        ReadCases[name].Read(file);
    });

    [Fact]
    public void Missing_file_and_folder_are_refused()
    {
        new MalformedInput("absent.safetensors", _ => { }, "no such file").AssertRefused(path => SafetensorsFile.Open(path).Dispose());
        new MalformedInput(".", _ => { }, "is a folder").AssertRefused(path => SafetensorsFile.Open(path).Dispose());
    }

    [Fact]
    public void Control_characters_of_a_hostile_name_do_not_reach_the_terminal()
    {
        MalformedInput input = Header("{\"a\\u001b[31m\\r\\n\\u202e" + new string('x', 5000) + "\":5}", "a?[31m???xxx");
        input.AssertRefused(path =>
        {
            InvalidFileException refusal = Assert.Throws<InvalidFileException>(() => SafetensorsFile.Open(path).Dispose());
            Assert.InRange(refusal.Reason.Length, 1, 500);
            throw refusal;
        });
    }

    [Fact]
    public void File_cut_after_opening_is_refused_on_reading() =>
        Values("F32", 3, [1f, 2f, 3f], "became shorter").AssertRefused(path =>
        {
            byte[] whole = File.ReadAllBytes(path);
            using SafetensorsFile file = SafetensorsFile.Open(path);
            using (FileStream other = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                other.SetLength(whole.Length - 5);
            try
            {
                file.ReadSingles("a");
            }
            finally
            {
                File.WriteAllBytes(path, whole);
            }
        });

    private static byte[] Prefix(ulong length) => BitConverter.GetBytes(length);

    private static MalformedInput Raw(string reason, params byte[] bytes) =>
        new("weights.safetensors", folder => folder.Write("weights.safetensors", bytes), reason);

    private static MalformedInput Header(string json, string reason) => Raw(reason, WithHeader(json, new byte[4]));

    private static MalformedInput Tensors(string reason, int dataLength, params string[] tensors) =>
        Raw(reason, WithHeader($"{{{string.Join(",", tensors)}}}", new byte[dataLength]));

    private static string Tensor(string name, string type, string shape, long begin, long end) =>
        $"\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{shape}],\"data_offsets\":[{begin},{end}]}}";

    private static MalformedInput Values<T>(string type, int count, T[] values, string reason)
        where T : unmanaged
    {
        byte[] data = MemoryMarshal.AsBytes<T>(values).ToArray();
        return Raw(reason, WithHeader($"{{{Tensor("a", type, $"{count}", 0, data.Length)}}}", data));
    }

    private static byte[] WithHeader(string json, byte[] data)
    {
        byte[] header = Encoding.UTF8.GetBytes(json);
        return [.. Prefix((ulong)header.Length), .. header, .. data];
    }
}
