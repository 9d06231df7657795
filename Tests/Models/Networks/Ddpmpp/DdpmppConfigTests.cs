using System.Text.Json;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class DdpmppConfigTests
{
    private const string Json =
        """
        {"architecture": "ddpmpp", "img_resolution": 16, "img_channels": 1, "label_dim": 5, "model_channels": 32,
        "channel_mult": [1, 2, 2], "num_blocks": 1, "attn_resolutions": [8], "channel_mult_emb": 4}
        """;

    public static TheoryData<string, string, string> Refused => new()
    {
        { "\"ddpmpp\"", "\"ncsnpp\"", "the architecture is 'ncsnpp', expected 'ddpmpp'" },
        { "\"architecture\": \"ddpmpp\", ", "", "architecture" },
        { "\"num_blocks\": 1", "\"num_blocks\": 1, \"num_heads\": 2", "num_heads" },
        { "\"num_blocks\": 1", "\"num_blocks\": 1, \"num_blocks\": 1", "num_blocks" },
        { "\"num_blocks\": 1", "\"num_blocks\": 0", "num_blocks is 1 to 64, not 0" },
        { "\"num_blocks\": 1", "\"num_blocks\": \"1\"", "num_blocks" },
        { "[1, 2, 2]", "[]", "channel_mult has 1 to 12 levels" },
        { "[1, 2, 2]", "[1, -2, 2]", "the entries of channel_mult are 1 to 64" },
        { "[1, 2, 2]", "null", "the value of 'channel_mult'" },
        { "\"img_resolution\": 16", "\"img_resolution\": 18", "a multiple of 4, not 18" },
        { "\"img_resolution\": 16", "\"img_resolution\": 1000000000", "img_resolution is at most 8192" },
        { "\"model_channels\": 32", "\"model_channels\": 33", "model_channels is even and 4 to 8192, not 33" },
        { "\"model_channels\": 32", "\"model_channels\": 99999999999", "model_channels" },
        { "\"label_dim\": 5", "\"label_dim\": -5", "label_dim is 0 to 1000000, not -5" },
        { "\"img_channels\": 1", "\"img_channels\": 0", "img_channels is 1 to 1024, not 0" },
        { "[8]", "[0]", "attn_resolutions" },
        { "\"channel_mult_emb\": 4", "\"channel_mult_emb\": 0", "channel_mult_emb is 1 to 64, not 0" },
        { "\"num_blocks\": 1", "\"num_blocks\": 1, \"conditions\": [\"a\", \"a\"]", "conditions are different names" },
        { "\"num_blocks\": 1", "\"num_blocks\": 1, \"conditions\": [\"A.b\"]", "conditions are different names" },
        { "\"num_blocks\": 1", "\"num_blocks\": 1, \"conditions\": [null]", "conditions are different names" },
        { "\"num_blocks\": 1", "\"num_blocks\": 1, \"conditions\": [\"label\"]", "no condition is called label" },
        { "4}", "4", "is not valid JSON" },
    };

    [Fact]
    public void Reads_what_other_implementations_write()
    {
        var config = DdpmppConfig.FromJson("a.safetensors", Json);
        Assert.Equal((16, 1, 5, 32), (config.Resolution, config.ImageChannels, config.LabelCount, config.ModelChannels));
        Assert.Equal((1, 4), (config.BlocksPerLevel, config.ChannelMultEmb));
        Assert.Empty(config.Conditions);
        Assert.Equal([1, 2, 2], config.ChannelMult);
        Assert.Equal([8], config.AttentionResolutions);
        using JsonDocument expected = JsonDocument.Parse(Json), written = JsonDocument.Parse(config.ToJson());
        Assert.True(JsonElement.DeepEquals(expected.RootElement, written.RootElement), config.ToJson());
    }

    [Fact]
    public void Every_preset_survives_the_trip_through_JSON_and_makes_a_network() => Assert.All(ModelPresets.All, preset =>
    {
        NetworkConfig config = preset.Value with { LabelCount = 10, Conditions = ["guidance", "segment"] };
        Assert.Equal(config, NetworkRegistry.Read("a", config.ToJson()));
        Assert.Equal(config, config.Build().Config);
    });

    [Theory]
    [InlineData("[]", "architecture")]
    [InlineData("{", "JSON")]
    [InlineData("""{"architecture": "none"}""", "'none'")]
    [InlineData("""{"architecture": "\ud800"}""", "JSON")]
    public void What_names_no_architecture_is_refused(string json, string reason)
    {
        InvalidFileException refusal = Assert.Throws<InvalidFileException>(() => NetworkRegistry.Read("a.safetensors", json));
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_wrong_in_a_file_is_named(string part, string replacement, string reason)
    {
        Assert.Contains(part, Json, StringComparison.Ordinal);
        string json = Json.Replace(part, replacement, StringComparison.Ordinal);
        InvalidFileException refusal = Assert.Throws<InvalidFileException>(() => DdpmppConfig.FromJson("a.safetensors", json));
        Assert.StartsWith("a.safetensors: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Equality_goes_by_values()
    {
        DdpmppConfig one = Preset("mnist"), same = one with { ChannelMult = [.. one.ChannelMult] };
        Assert.Equal(one, same);
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        DdpmppConfig[] others =
        [
            one with { ChannelMult = [1, 2] }, one with { AttentionResolutions = [] }, one with { LabelCount = 1 },
            one with { ChannelMultEmb = 2 }, one with { BlocksPerLevel = 9 }, one with { ModelChannels = 64 },
            one with { Resolution = 16 }, one with { ImageChannels = 2 }, one with { Conditions = ["guidance"] },
        ];
        Assert.All(others, other => Assert.NotEqual(one, other));
    }

    [Fact]
    public void Presets_are_found_by_name()
    {
        string message = Assert.Throws<ArgumentException>(() => ModelPresets.Get("cifar")).Message;
        Assert.Contains("cifar10, mnist, demo", message, StringComparison.Ordinal);
    }

    private static DdpmppConfig Preset(string name) => (DdpmppConfig)ModelPresets.Get(name);
}
