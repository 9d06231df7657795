using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>A small DINOv2 on an image that must be made smaller one way and larger the other, against a float64 network of another hand.</summary>
public class DinoNetworkTests
{
    private const double Tolerance = 2e-5, Visible = 1e-4;
    private const int Height = 310, PictureWidth = 150;
    private static readonly byte[] Bytes = FeatureWeights.Pictures(1, Height, PictureWidth, seed: 6);
    private static readonly ReferenceDino Reference = new(seed: 2);

    private static readonly Lazy<float[]> OnHost = new(() => Compute("cpu"));

    private static readonly Dictionary<string, DinoMistakes> Mistakes = new(StringComparer.Ordinal)
    {
        ["a step of a sixteenth of the grid"] = new() { Sides = 16 },
        ["bicubic with a = -0.75"] = new() { BicubicA = -0.75 },
        ["no antialiasing"] = new() { Antialiases = false },
        ["positions with a = -0.5"] = new() { PositionA = -0.5 },
        ["an epsilon of 1e-2"] = new() { Epsilon = 1e-2 },
        ["GELU by tanh"] = new() { TanhGelu = true },
        ["no LayerScale"] = new() { NoLayerScale = true },
        ["the mean of all tokens"] = new() { AveragesTokens = true },
    };

    public static TheoryData<string> MistakeNames => [.. Mistakes.Keys];

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void The_class_token_agrees_with_float64(string device) =>
        Assert.InRange(OpBattery.RelativeError(Reference.Compute(Bytes, Height, PictureWidth, new DinoMistakes()), Compute(device)), 0, Tolerance);

    [Theory]
    [MemberData(nameof(MistakeNames))]
    public void A_broken_convention_is_seen(string mistake) =>
        Assert.InRange(OpBattery.RelativeError(Reference.Compute(Bytes, Height, PictureWidth, Mistakes[mistake]), OnHost.Value), Visible, 100);

    [Fact]
    public void It_says_what_makes_a_number_comparable()
    {
        using TemporaryFolder folder = new();
        using var network = FeatureNetworkFile.Load(Reference.Weights.Save(folder.File("weights.safetensors")), TestDevices.Get("cpu"));
        Assert.Equal("dinov2-64x2", network.Name);
        Assert.Equal(("class_token", ReferenceDino.Width), (network.Outputs[0].Name, network.Outputs[0].Width));
        Assert.Contains("224x224 bicubic with antialiasing", network.Input, StringComparison.Ordinal);
    }

    /// <summary>The names of the published networks, by their widths.</summary>
    [Theory]
    [InlineData(384, 12, 14, "dinov2-vits14")]
    [InlineData(768, 12, 14, "dinov2-vitb14")]
    [InlineData(1024, 24, 14, "dinov2-vitl14")]
    [InlineData(1024, 24, 16, "dinov2-1024x24")]
    public void A_published_network_has_its_name(int width, int depth, int patch, string name) =>
        Assert.Equal(name, new DinoConfig(width, width / 64, depth, 4 * width, patch, 37).Name);

    private static float[] Compute(string device)
    {
        using TemporaryFolder folder = new();
        using var network = FeatureNetworkFile.Load(Reference.Weights.Save(folder.File("weights.safetensors")), TestDevices.Get(device));
        var features = new FeatureBatch(1, network.Outputs);
        network.Compute(Bytes, 1, Height, PictureWidth, 3, features);
        return features["class_token"];
    }
}
