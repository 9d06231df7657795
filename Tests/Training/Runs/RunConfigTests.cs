using System.Text.Json.Nodes;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Optimization;
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

    /// <summary>A run of a version that lacked these options goes on as it began: their defaults change nothing.</summary>
    [Fact]
    public void Options_that_an_older_version_lacked_have_their_former_meaning()
    {
        RunConfig config = Config();
        JsonObject node = config.ToJson(), training = node["training"]!.AsObject(), optimizer = training["optimizer"]!.AsObject();
        foreach (string key in new[] { "guide", "snapshot_images", "snapshot_precision" })
            Assert.True(node.Remove(key), key);
        foreach (string key in new[] { "warm_up_images", "decay_after_images" })
            Assert.True(optimizer["learning_rate"]!.AsObject().Remove(key), key);
        Assert.True(optimizer.Remove("non_finite") && training.Remove("dropout_resolution") && training["average"]!.AsObject().Remove("result_width"));
        RunConfig read = RunConfig.FromJson("config.json", node);
        Assert.Null(RunConfig.FirstDifference(read.ToJson(), config.ToJson()));
        Assert.Equal((NonFiniteGradient.Skip, null, null, 0, 0), (
            read.Training.Optimizer.NonFinite, read.Training.DropoutResolution, read.Training.Average.ResultWidth, read.Training.Optimizer.LearningRate.WarmUpImages, read.SnapshotImages));
    }

    private static RunConfig Config()
    {
        RunConfig config = TrainOptions.Defaults("trigflow", "demo", "synthetic", null, null);
        return config with { LogEvery = 1, Training = config.Training with { Batch = 8 } };
    }
}
