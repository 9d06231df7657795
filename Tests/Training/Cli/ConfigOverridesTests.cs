using System.Text.Json.Nodes;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Cli;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class ConfigOverridesTests
{
    private const string Config = """{"seed":0,"flip":true,"name":"a","network":{"mult":[1,2],"dropout":0.1},"optimizer":{"rate":{"peak":1e-3},"eps":1},"average":{"eps":2}}""";

    [Theory]
    [InlineData("seed=5", "seed", "5")]
    [InlineData("network.dropout=0.25", "network.dropout", "0.25")]
    [InlineData("dropout=0", "network.dropout", "0")]
    [InlineData("rate.peak=2", "optimizer.rate.peak", "2")]
    [InlineData("mult=[1,2,2]", "network.mult", "[1,2,2]")]
    [InlineData("name=b c", "name", "\"b c\"")]
    [InlineData("flip=false", "flip", "false")]
    [InlineData("average.eps=3", "average.eps", "3")]
    public void A_value_is_replaced(string setting, string path, string expected)
    {
        JsonObject config = JsonNode.Parse(Config)!.AsObject();
        ConfigOverrides.Apply(config, [setting]);
        JsonNode? node = config;
        foreach (string part in path.Split('.'))
            node = node![part];
        Assert.Equal(expected, node!.ToJsonString());
    }

    [Theory]
    [InlineData("seed", "key=value")]
    [InlineData("sede=5", "no key 'sede'")]
    [InlineData("eps=5", "optimizer.eps or average.eps")]
    [InlineData("dropout=much", "must be a number")]
    [InlineData("mult=3", "must be a list")]
    public void What_cannot_be_set_is_refused(string setting, string reason)
    {
        JsonObject config = JsonNode.Parse(Config)!.AsObject();
        UsageException refusal = Assert.Throws<UsageException>(() => ConfigOverrides.Apply(config, [setting]));
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(JsonNode.Parse(Config)!.ToJsonString(), config.ToJsonString());
    }
}
