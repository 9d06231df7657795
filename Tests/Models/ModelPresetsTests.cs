using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Sizes of the named networks, by number of parameters and operations.</summary>
public class ModelPresetsTests
{
    /// <summary>
    /// arXiv:2312.02696, table 6, and arXiv:2410.11081, tables 4 and 5, for one output per channel; with scale and shift the matrices of the embedding are twice as
    /// high. Latents have a fourth channel, with 18 weights for each channel at full resolution.
    /// </summary>
    [Theory]
    [InlineData("xs", 128, 130.81, 124.71)]
    [InlineData("s", 192, 293.92, 280.21)]
    [InlineData("m", 256, 522.18, 497.80)]
    [InlineData("l", 320, 815.59, 777.49)]
    [InlineData("xl", 384, 1174.13, 1119.28)]
    [InlineData("xxl", 448, 1597.82, 1523.16)]
    public void Networks_of_ImageNet_have_the_published_parameters(string size, int channels, double both, double scale)
    {
        string preset = ModelPresets.All.ContainsKey($"imagenet64-{size}") ? $"imagenet64-{size}" : "imagenet64-s";
        var pixels = (Edm2Config)ModelPresets.Get(preset) with { ModelChannels = channels };
        if (size is not ("xs" or "xxl"))
            Assert.Equal(pixels, ModelPresets.Get($"imagenet64-{size}"));
        Assert.Equal(both, Millions(pixels));
        Assert.Equal(scale, Millions(pixels with { Modulation = Edm2Modulation.Scale }));
        Edm2Config latents = pixels with { ImageChannels = 4 };
        Assert.Equal(Count(pixels) + 18 * channels, Count(latents));
        if (size != "xs")
            Assert.Equal(latents, ModelPresets.Get($"imagenet512-{size}"));
        Assert.Equal(Count(latents) + 4L * channels * channels, Count(latents with { Conditions = [NetworkConfig.Guidance] }));

        static double Millions(NetworkConfig config) => Math.Round(Count(config) / 1e6, 2);
    }

    [Theory]
    [InlineData("imagenet64-s", 201.6)]
    [InlineData("imagenet512-xxl", 1093.9)]
    [InlineData("cifar10", 42.3)]
    [InlineData("cifar10-edm2", 18.4)]
    public void A_forward_pass_costs_what_the_table_says(string preset, double gigaFlops) =>
        Assert.Equal(gigaFlops, RecordedPass.OfPreset(preset).Flops / 1e9, 0.1);

    [Fact]
    public void The_small_EDM2_network_has_38_million_parameters_and_10_classes()
    {
        NetworkConfig config = ModelPresets.Get("cifar10-edm2");
        Assert.Equal((38_119_937, 10), (Count(config), config.LabelCount));
    }

    private static long Count(NetworkConfig config) => config.Build().ParameterCount();
}
