using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>FID's network with a sixteenth of its channels, on the host and on a GPU, against a float64 network of another hand.</summary>
public class InceptionNetworkTests
{
    private const double Tolerance = 2e-5, Visible = 1e-3;
    private static readonly Shape Images = new(2, 32, 32, 3);
    private static readonly byte[] Bytes = FeatureWeights.Pictures(2, 32, 32, seed: 4);
    private static readonly Lazy<ReferenceInception> Reference = new(() => new ReferenceInception(16, seed: 1));

    private static readonly Dictionary<string, InceptionMistakes> Mistakes = new(StringComparer.Ordinal)
    {
        ["resizing with half-pixel centres"] = new() { HalfPixel = true },
        ["an epsilon of 1e-5"] = new() { Epsilon = 1e-5 },
        ["averages that count the padding"] = new() { CountsPadding = true },
        ["an average instead of a maximum in the last block"] = new() { LastPoolAverages = true },
        ["height and width of the long filters exchanged"] = new() { SwapsHeightAndWidth = true },
        ["pixels centred at 127.5"] = new() { CentredAt127 = true },
        ["forks in the other order"] = new() { SwapsForks = true },
    };

    public static TheoryData<string> MistakeNames => [.. Mistakes.Keys];

    /// <summary>Ways of computing products: the host has one.</summary>
    public static IEnumerable<TheoryDataRow<string, MatrixArithmetic>> Arithmetics =>
        TestDevices.Cross(["cpu"], [MatrixArithmetic.Fp32]).Concat(TestDevices.Cross(["cuda"], Enum.GetValues<MatrixArithmetic>()));

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void Every_feature_agrees_with_float64(string device, MatrixArithmetic arithmetic)
    {
        (double[] pool, double[] logits, double[] spatial) = Reference.Value.Compute(Bytes, Images, new InceptionMistakes());
        FeatureBatch features = Compute(device, Bytes, Images, new FeatureOptions { Arithmetic = arithmetic });
        Assert.InRange(OpBattery.RelativeError(pool, features["pool"]), 0, Tolerance);
        Assert.InRange(OpBattery.RelativeError(logits, features["logits"]), 0, Tolerance);
        Assert.InRange(OpBattery.RelativeError(spatial, features["spatial"]), 0, Tolerance);
        Assert.Equal(17 * 17 * 7 * Images.N, features["spatial"].Length);
        Assert.All(features["pool"], value => Assert.True(value >= 0));
    }

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Half_pixel_resizing_agrees_too(string device)
    {
        (double[] pool, _, _) = Reference.Value.Compute(Bytes, Images, new InceptionMistakes { HalfPixel = true, CentredAt127 = true });
        Assert.InRange(OpBattery.RelativeError(pool, Compute(device, Bytes, Images, new FeatureOptions { Resizing = InceptionResizing.HalfPixel })["pool"]), 0, Tolerance);
    }

    /// <summary>Each convention matters by far more than arithmetic does: a network that broke it would not pass.</summary>
    [Theory]
    [MemberData(nameof(MistakeNames))]
    public void A_broken_convention_is_seen(string mistake)
    {
        var one = new Shape(1, 32, 32, 3);
        (double[] pool, _, _) = Reference.Value.Compute(Bytes[..(32 * 32 * 3)], one, Mistakes[mistake]);
        Assert.InRange(OpBattery.RelativeError(pool, Compute("cpu", Bytes[..(32 * 32 * 3)], one, new FeatureOptions())["pool"]), Visible, 100);
    }

    /// <summary>A batch of two for five images, the last one filled up; each image has the features that it has alone, and gray images those of equal channels.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Features_do_not_depend_on_the_images_beside(string device)
    {
        byte[] gray = [.. FeatureWeights.Pictures(5, 9, 7, seed: 8).Where((_, i) => i % 3 == 0)];
        var images = new Shape(5, 9, 7, 1);
        FeatureBatch together = Compute(device, gray, images, new FeatureOptions { Batch = 2 });
        byte[] coloured = [.. gray.AsSpan(4 * 63).ToArray().SelectMany(value => new[] { value, value, value })];
        FeatureBatch alone = Compute(device, coloured, new Shape(1, 9, 7, 3), new FeatureOptions { Batch = 2 });
        double[] expected = Array.ConvertAll(alone["pool"], value => (double)value);
        Assert.InRange(OpBattery.RelativeError(expected, together["pool"][^expected.Length..]), 0, device == "cpu" ? 0 : 1e-6);
        Assert.InRange(OpBattery.RelativeError(expected, together["pool"][..expected.Length]), Visible, 100);
    }

    [Fact]
    public void It_says_what_makes_a_number_comparable()
    {
        using TemporaryFolder folder = new();
        using var network = FeatureNetworkFile.Load(Reference.Value.Weights.Save(folder.File("weights.safetensors")), TestDevices.Get("cpu"));
        Assert.Equal(["pool", "logits", "spatial"], network.Outputs.Select(each => each.Name));
        Assert.Equal([128, 63, 2023], network.Outputs.Select(each => each.Width));
        Assert.Equal("inception-2015-narrow-128", network.Name); // never the name of the real network
        Assert.Contains("TensorFlow 1", network.Input, StringComparison.Ordinal);
        Assert.Contains("(x - 128) / 128", network.Input, StringComparison.Ordinal);
        Assert.Equal("fp32", network.Arithmetic);
        Assert.Equal(8, network.Batch);
    }

    [Fact]
    public void Images_and_features_that_do_not_fit_are_refused()
    {
        using TemporaryFolder folder = new();
        using var network = FeatureNetworkFile.Load(Reference.Value.Weights.Save(folder.File("weights.safetensors")), TestDevices.Get("cpu"));
        var into = new FeatureBatch(1, network.Outputs);
        Assert.Throws<ArgumentException>(() => network.Compute(new byte[11], 1, 2, 2, 3, into));
        Assert.Throws<ArgumentException>(() => network.Compute(new byte[8], 1, 2, 2, 2, into));
        Assert.Throws<ArgumentException>(() => network.Compute(new byte[24], 2, 2, 2, 3, into));
        Assert.Throws<ArgumentException>(() => network.Compute(new byte[12], 1, 2, 2, 3, new FeatureBatch(1, new FeatureSpec("pool", 2048, ""))));
        Assert.Throws<ArgumentOutOfRangeException>(() => FeatureNetworkFile.Load(folder.File("weights.safetensors"), TestDevices.Get("cpu"), new FeatureOptions { Batch = 0 }));
    }

    /// <summary>The table has the convolutions and the numbers of the network of 2015: 94, and 21,751,136 in their filters.</summary>
    [Fact]
    public void The_table_is_that_of_the_network_of_2015()
    {
        (int convolutions, long numbers, int channels) = (0, 0, 3);
        foreach ((_, InceptionStep step) in InceptionTable.Stem)
            channels = Walk(step, channels);
        foreach (InceptionBlock block in InceptionTable.Blocks)
        {
            int inputs = channels;
            channels = block.Branches.Sum(branch => branch.Aggregate(inputs, (from, step) => Walk(step, from)));
        }

        Assert.Equal((94, 21_751_136, 2048), (convolutions, numbers, channels));

        int Walk(InceptionStep step, int inputs)
        {
            if (step is InceptionFork fork)
                return Walk(fork.First, inputs) + Walk(fork.Second, inputs);
            if (step is not InceptionConv conv)
                return inputs;
            convolutions++;
            numbers += (long)conv.Channels * conv.Window.Height * conv.Window.Width * inputs;
            return conv.Channels;
        }
    }

    private static FeatureBatch Compute(string device, byte[] bytes, Shape images, FeatureOptions options)
    {
        using TemporaryFolder folder = new();
        using var network = FeatureNetworkFile.Load(Reference.Value.Weights.Save(folder.File("weights.safetensors")), TestDevices.Get(device), options);
        var features = new FeatureBatch(images.N, network.Outputs);
        network.Compute(bytes, images.N, images.H, images.W, images.C, features);
        return features;
    }
}
