using System.Text.Json.Nodes;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>What config.json holds is read back; what does not fit is refused by the key's name.</summary>
public class RunConfigTests
{
    [Theory]
    [InlineData("\"images\"", "\"imagse\"", "unknown key 'imagse'")]
    [InlineData("\"seed\"", "\"sead\"", "unknown key 'sead'")]
    [InlineData("\"max_gradient_norm\"", "\"max_norm\"", "unknown key 'max_norm'")]
    [InlineData("\"log_every\": 1,", "\"log_every\": null,", "the value of 'log_every' does not fit")]
    [InlineData("\"loss\": \"squared\"", "\"loss\": \"l3\"", "the value of 'loss' does not fit")]
    [InlineData("\"network\"", "\"net\"", "missing key 'network'")]
    [InlineData("\"batch\": 8", "\"batch\": 0", "batch")]
    [InlineData("\"batch\": 8", "\"batch\": 99999999", "images of 16x16x3 allow at most 2796202")]
    [InlineData("\"kind\": \"adam\"", "\"kind\": \"sgd\"", "expected adam or r_adam")]
    [InlineData("\"seed\": 0", "\"seed\": -1", "expected a whole number from 0 to 18446744073709551615")]
    [InlineData("\"flip\": false", "\"flip\": 1", "expected true or false")]
    [InlineData("\"beta1\": 0.9", "\"beta1\": \"much\"", "expected a finite number")]
    [InlineData("\"beta1\": 0.9", "\"beta1\": 1e39", "'training.optimizer.beta1' does not fit: expected a finite number")]
    [InlineData("\"p_std\": 1.2", "\"p_std\": 1e99", "'p_std' does not fit: expected a finite number")]
    [InlineData("\"data\": \"synthetic\"", "\"data\": \"\"", "not empty text")]
    [InlineData("\"preset\": \"demo\"", "\"preset\": \"\\ud800\"", "not valid Unicode")]
    public void A_key_that_does_not_fit_is_named_in_one_line(string old, string changed, string message)
    {
        string text = Config().ToJson().ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });
        Assert.Contains(old, text, StringComparison.Ordinal);
        JsonObject node = JsonNode.Parse(text.Replace(old, changed, StringComparison.Ordinal))!.AsObject();
        var refused = Assert.Throws<ArgumentException>(() => RunConfig.FromJson("config.json", node));
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("TrigFlowNative", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Survives_the_trip_through_JSON() =>
        Assert.Null(RunConfig.FirstDifference(Config().ToJson(), RunConfig.FromJson("config.json", Config().ToJson()).ToJson()));

    private static RunConfig Config()
    {
        RunConfig config = TrainOptions.Defaults("trigflow", "demo", "synthetic", null, null);
        return config with { LogEvery = 1, Training = config.Training with { Batch = 8 } };
    }
}
