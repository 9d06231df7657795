using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class DatasetLabelsTests
{
    private const string Composed = "\u00e9", Decomposed = "e\u0301";

    [Fact]
    public void Byte_order_mark_is_passed_over()
    {
        Assert.Equal([2, 0], DatasetLabels.Parse("x", [0xef, 0xbb, 0xbf, .. Json("a.png", 2, "b.png", 0)], ["a.png", "b.png"])!);
        Refused("is not valid JSON", [0xef, 0xbb, .. Json("a.png", 2)], "a.png");
        Refused("is not valid JSON", [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, .. Json("a.png", 2)], "a.png");
    }

    /// <summary>Names with one accent, with two on one letter in both orders, in Hangul, and with a sign that is only another's double.</summary>
    [Theory]
    [InlineData(Composed, Decomposed)]
    [InlineData("\u1ec7", "e\u0323\u0302")]
    [InlineData("\u1ec7", "e\u0302\u0323")]
    [InlineData("\u1ec7", "\u1eb9\u0302")]
    [InlineData("\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af")]
    [InlineData("\u304c", "\u304b\u3099")]
    [InlineData("\u212b", "A\u030a")]
    public void Composed_and_decomposed_names_are_the_same(string one, string other)
    {
        Assert.Equal([5], DatasetLabels.Parse("x", Json($"a/{one}.png", 5), [$"a/{other}.png"])!);
        Assert.Equal([5], DatasetLabels.Parse("x", Json($"a\\{other}.png", 5), [$"a/{one}.png"])!);
    }

    [Fact]
    public void Exact_names_come_first_and_ambiguous_ones_are_refused()
    {
        Assert.Equal([1, 2], DatasetLabels.Parse("x", Json(Decomposed, 2, Composed, 1), [Composed, Decomposed])!);
        string[] names = ["\u1ec7", "\u1eb9\u0302"];
        Refused("several images have this name in other Unicode forms", Json("e\u0323\u0302", 1), names);
        Refused($"labels '{Composed}' twice", Json(Decomposed, 1, Composed, 1), Decomposed);
        Refused($"labels '{Composed}', which is missing", Json(Composed, 1), "e\u0300");
        Refused("labels 'E', which is missing", Json("E", 1), "e");
        Refused("which is missing", Json("\ufb01", 1), "fi"); // alike to read, but not the same text
    }

    [Theory]
    [InlineData("{\"labels\": [[\"a\", 1]], \"labels\": []}", "has the key 'labels' twice")]
    [InlineData("{\"labels\": [[\"\\ud800\", 1]]}", "is not valid JSON")]
    [InlineData("{\"labels\": [[\"a\", 1]]} x", "is not valid JSON")]
    [InlineData("{\"labels\": [[\"a\", 1]", "is not valid JSON")]
    [InlineData("{\"labels\": [[\"a\"]]}", "not a pair")]
    [InlineData("{\"labels\": [[]]}", "not a pair")]
    [InlineData("{\"labels\": [\"a\"]}", "not a pair")]
    [InlineData("{\"labels\": [[\"a\", {\"b\": [1]}]]}", "a class that is not")]
    [InlineData("", "is not valid JSON")]
    [InlineData("null", "is not a JSON object")]
    public void Other_content_is_refused(string json, string reason) => Refused(reason, Encoding.UTF8.GetBytes(json), "a");

    [Fact]
    public void Other_keys_are_passed_over()
    {
        Assert.Equal([3], DatasetLabels.Parse("x", "{\"v\": {\"labels\": [[\"b\", 1]]}, \"lab\\u0065ls\": [[\"a\", 3]], \"z\": [[1]]}"u8.ToArray(), ["a"])!);
        Assert.Null(DatasetLabels.Parse("x", "{\"v\": 1}"u8.ToArray(), ["a"]));
        Assert.Null(DatasetLabels.Parse("x", "{\"labels\": null}"u8.ToArray(), ["a"]));
    }

    /// <summary>The memory of labels is that of the images, however many pairs the file has: here two million, 24 MB, of one image.</summary>
    [Fact]
    public void Pairs_beyond_the_images_cost_nothing()
    {
        byte[] json = [.. "{\"other\": ["u8, .. Repeat("[\"a.png\",1],", 1 << 20), .. "0], \"labels\": ["u8, .. Repeat("[\"a.png\",1],", 1 << 20), .. "[\"b\",1]]}"u8];
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused("labels 'a.png' twice", json, "a.png");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    private static IEnumerable<byte> Repeat(string text, int count) => Enumerable.Repeat(Encoding.UTF8.GetBytes(text), count).SelectMany(each => each);

    private static byte[] Json(params object[] namesAndClasses) => Encoding.UTF8.GetBytes(
        $"{{\"labels\": [{string.Join(", ", namesAndClasses.Chunk(2).Select(pair => $"[\"{pair[0].ToString()!.Replace("\\", "\\\\", StringComparison.Ordinal)}\", {pair[1]}]"))}]}}");

    private static void Refused(string reason, byte[] json, params string[] names)
    {
        var refusal = Assert.Throws<InvalidFileException>(() => DatasetLabels.Parse("set/dataset.json", json, names));
        Assert.Contains(reason, refusal.Reason, StringComparison.Ordinal);
    }
}
