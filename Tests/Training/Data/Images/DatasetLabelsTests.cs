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

    [Theory]
    [InlineData("[\"cat\", \"d\\u00f6g\", \"none\"]", "cat", "dög", "none")]
    [InlineData("[]")]
    [InlineData("{\"0\": \"cat\"}")]
    [InlineData("7")]
    public void Names_of_classes_beside_the_labels_are_read(string text, params string[] expected)
    {
        foreach (string json in new[] { $"{{\"labels\": [[\"a\", 1], [\"b\", 0]], \"class_names\": {text}}}", $"{{\"class_names\": {text}, \"labels\": [[\"a\", 1], [\"b\", 0]]}}" })
        {
            Assert.Equal([1, 0], DatasetLabels.Parse("x", Encoding.UTF8.GetBytes(json), ["a", "b"], out IReadOnlyList<string> names)!);
            Assert.Equal(expected, names);
        }

        DatasetLabels.Parse("x", Encoding.UTF8.GetBytes($"{{\"labels\": null, \"class_names\": {text}}}"), ["a"], out IReadOnlyList<string> none);
        Assert.Empty(none);
    }

    [Theory]
    [InlineData("[\"cat\"]", "names 1 classes, but an image is of class 1")]
    [InlineData("[\"cat\", 5]", "has class_names that are not an array of names")]
    [InlineData("[\"cat\", null]", "has class_names that are not an array of names")]
    [InlineData("[\"cat\", \"dog\"], \"class_names\": []", "has the key 'class_names' twice")]
    [InlineData("[\"cat\", \"dog\"", "is not valid JSON")]
    public void Names_of_classes_are_read_strictly(string text, string reason) =>
        Refused(reason, Encoding.UTF8.GetBytes($"{{\"labels\": [[\"a\", 1]], \"class_names\": {text}}}"), "a");

    [Fact]
    public void Names_cost_no_more_than_folders_names_do()
    {
        byte[] label = [.. "{\"labels\": [[\"a\", 1]], \"class_names\": ["u8];
        Refused("names more than 65537 classes", [.. label, .. Repeat("\"x\",", 70_000), .. "\"y\"]}"u8], "a");
        Refused("not an array of names", [.. label, .. "\""u8, .. Repeat("x", 2000), .. "\"]}"u8], "a");
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
