using System.Text;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public sealed class JsonFileTests : IDisposable
{
    private static readonly Dictionary<string, MalformedInput> Cases = new(StringComparer.Ordinal)
    {
        ["empty"] = Json("", "invalid JSON"),
        ["truncated"] = Json("{\"batch_size\": 5,", "invalid JSON"),
        ["null"] = Json("null", "holds JSON null"),
        ["unknown key"] = Json("{\"batch_size\": 5, \"name\": \"x\", \"bach_size\": 4}", "bach_size"),
        ["duplicate key"] = Json("{\"batch_size\": 5, \"batch_size\": 5, \"name\": \"x\"}", "batch_size"),
        ["missing key"] = Json("{\"batch_size\": 5}", "name"),
        ["null for text"] = Json("{\"batch_size\": 5, \"name\": null}", "name"),
        ["another type"] = Json("{\"batch_size\": \"five\", \"name\": \"x\"}", "batch_size"),
        ["beyond 32 bits"] = Json("{\"batch_size\": 5000000000, \"name\": \"x\"}", "batch_size"),
        ["nested too deep"] = Json(new string('[', 5000), "invalid JSON"),
        ["too long"] = Json(new string(' ', (16 << 20) + 1), "at most 16777216 are accepted"),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> CaseNames => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Malformed_configuration_is_refused(string name) => Cases[name].AssertRefused(path => JsonFile.Read<Options>(path));

    [Fact]
    public void Round_trips()
    {
        JsonFile.Write(_folder.File("config.json"), new Options(7, "ünï \"x\""));
        Assert.Contains("\"batch_size\": 7", File.ReadAllText(_folder.File("config.json")), StringComparison.Ordinal);
        Assert.Equal(new Options(7, "ünï \"x\""), JsonFile.Read<Options>(_folder.File("config.json")));
    }

    public void Dispose() => _folder.Dispose();

    private static MalformedInput Json(string text, string reason) =>
        new("config.json", folder => folder.Write("config.json", Encoding.UTF8.GetBytes(text)), reason);

    private sealed record Options(int BatchSize, string Name);
}
