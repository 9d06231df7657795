using System.Text;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public sealed class JsonFileTests : IDisposable
{
    private static readonly Dictionary<string, MalformedInput> Cases = new(StringComparer.Ordinal)
    {
        ["empty"] = Json("", "is not valid JSON"),
        ["truncated"] = Json("{\"batch_size\": 5,", "is not valid JSON"),
        ["comment"] = Json("{} // later", "is not valid JSON"),
        ["null"] = Json("null", "holds JSON null"),
        ["array"] = Json("[1]", "is not a JSON object"),
        ["unknown key"] = Json("{\"batch_size\": 5, \"name\": \"x\", \"bach_size\": 4}", "unknown key 'bach_size'"),
        ["key in another case"] = Json("{\"Batch_Size\": 5, \"name\": \"x\"}", "unknown key 'Batch_Size'"),
        ["duplicate key"] = Json("{\"batch_size\": 5, \"batch_size\": 5, \"name\": \"x\"}", "duplicate key 'batch_size'"),
        ["missing key"] = Json("{\"batch_size\": 5}", "missing key 'name'"),
        ["null for text"] = Json("{\"batch_size\": 5, \"name\": null}", "the value of 'name' does not fit"),
        ["another type"] = Json("{\"batch_size\": \"five\", \"name\": \"x\"}", "the value of 'batch_size' does not fit"),
        ["beyond 32 bits"] = Json("{\"batch_size\": 5000000000, \"name\": \"x\"}", "the value of 'batch_size' does not fit"),
        ["unknown key inside"] = Json("{\"batch_size\": 5, \"name\": \"x\", \"inner\": {\"rate\": 1, \"rat\": 1}}", "unknown key 'inner.rat'"),
        ["missing key inside"] = Json("{\"batch_size\": 5, \"name\": \"x\", \"inner\": {}}", "missing key 'inner.rate'"),
        ["number for an object"] = Json("{\"batch_size\": 5, \"name\": \"x\", \"inner\": 7}", "'inner' is not a JSON object"),
        ["lone surrogate"] = Json("{\"\\ud800\": 5}", "is not valid JSON"),
        ["nested too deep"] = Json(new string('[', 5000), "is not valid JSON"),
        ["too long"] = Json(new string(' ', (16 << 20) + 1), "at most 16777216 are accepted"),
    };

    private readonly TemporaryFolder temp = new();

    public static TheoryData<string> CaseNames => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Malformed_configuration_is_refused(string name) => Cases[name].AssertRefused(path => JsonFile.Read<Options>(path));

    [Fact]
    public void Round_trips()
    {
        JsonFile.Write(temp.File("config.json"), new Options(7, "ünï \"x\"", new Inner(0.1)));
        Assert.Contains("\"batch_size\": 7", File.ReadAllText(temp.File("config.json")), StringComparison.Ordinal);
        Assert.Equal(new Options(7, "ünï \"x\"", new Inner(0.1)), JsonFile.Read<Options>(temp.File("config.json")));
    }

    public void Dispose() => temp.Dispose();

    private static MalformedInput Json(string text, string reason) =>
        new("config.json", folder => folder.Write("config.json", Encoding.UTF8.GetBytes(text)), reason);

    private sealed record Options(int BatchSize, string Name, Inner? Inner = null);

    private sealed record Inner(double Rate);
}
