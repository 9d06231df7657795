using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Operations of forward passes, against published numbers and a count by hand.</summary>
public class RecordedPassTests
{
    [Theory]
    [InlineData("cifar10", 42.3e9, 0.05e9)] // arXiv:2410.11081, as its authors' reproducers count
    [InlineData("mnist", 0.83e9, 0.005e9)]
    [InlineData("demo", 0.06e9, 0.005e9)]
    public void Operations_of_a_preset_are_those_of_its_table(string preset, double flops, double tolerance) =>
        Assert.Equal(flops, RecordedPass.OfPreset(preset).Flops, tolerance);

    /// <summary>By hand for one level: 3x3 and 1x1 convolutions, matrices and two products of attention, 2 operations each.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(7)] // classes are looked up, not multiplied
    public void Operations_are_counted_as_by_hand(int classes)
    {
        var config = new DdpmppConfig
        {
            Resolution = 4,
            ImageChannels = 3,
            ModelChannels = 8,
            ChannelMult = [1],
            BlocksPerLevel = 1,
            AttentionResolutions = [],
            LabelCount = classes,
        };
        const long Pixels = 16, Conv = 9 * 8 * 8, Affine = 32 * 16, Attention = Pixels * (8 * 24 + 8 * 8) + 2 * Pixels * Pixels * 8;
        long plain = Pixels * 2 * Conv + Affine, joined = Pixels * (2 * Conv + Conv + 16 * 8) + Affine;
        long expected = 8 * 32 + 32 * 32 + 2 * Pixels * 9 * 3 * 8 + plain + plain + Attention + plain + 2 * joined;
        Assert.Equal(2 * expected, RecordedPass.Of(config.Build()).Flops);
        Assert.Equal(2 * (expected + 2 * 8 * 8), RecordedPass.Of((config with { Conditions = ["guidance", "segment"] }).Build()).Flops); // a matrix for each
    }

    [Fact]
    public void A_pass_is_recorded_once_and_for_one_image()
    {
        var pass = RecordedPass.OfPreset("demo");
        Assert.Same(pass, RecordedPass.OfPreset("demo"));
        Assert.Equal(ModelPresets.Get("demo").Image, pass.Steps[^1].Writes[0].Shape);
        Assert.Contains("demo", Assert.Throws<ArgumentException>(() => RecordedPass.OfPreset("none")).Message, StringComparison.Ordinal);
    }
}
