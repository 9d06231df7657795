using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>What is no whole network of features is refused in one line, before anything is read.</summary>
public class FeatureNetworkFileTests
{
    private const string Name = "weights.safetensors";

    private static readonly Dictionary<string, MalformedInput> Malformed = new(StringComparer.Ordinal)
    {
        ["no file"] = new MalformedInput(Name, _ => { }, "no such file"),
        ["another network"] = new MalformedInput(Name, folder => Made(new FeatureWeights(1), "enc.conv.weight", [1], [1]).Save(folder.File(Name)), "is no network of features: none of the tensors"),
        ["a layer is missing"] = Inception("no tensor 'Mixed_6b.branch7x7dbl_5.bn.bias'", weights => weights.Remove("Mixed_6b.branch7x7dbl_5.bn.bias")),
        ["filters of another shape"] = Inception(
            "tensor 'Mixed_6a.branch3x3dbl_3.conv.weight' has shape [6, 5, 3, 3], expected [6, 6, 3, 3]", weights => weights.Set("Mixed_6a.branch3x3dbl_3.conv.weight", [6, 5, 3, 3], new float[270])),
        ["1x7 filters that are 7x1"] = Inception("expected [8, 8, 1, 7]", weights => weights.Set("Mixed_6b.branch7x7_2.conv.weight", [8, 8, 7, 1], new float[448])),
        ["filters that are no filters"] = Inception("expected 4 extents", weights => weights.Set("Conv2d_2a_3x3.conv.weight", [2, 18], new float[36])),
        ["a norm of another length"] = Inception("tensor 'Conv2d_1a_3x3.bn.bias' has shape [3], expected [2]", weights => weights.Set("Conv2d_1a_3x3.bn.bias", [3], new float[3])),
        ["an unknown tensor"] = Inception("tensor 'AuxLogits.conv0.conv.weight' is none of the Inception network of FID", weights => weights.Set("AuxLogits.conv0.conv.weight", [1], [1])),
        ["a value that is no number"] = Inception("holds NaN", weights => weights.Set("fc.bias", [63], [float.NaN, .. new float[62]]), read: "Conv2d_1a_3x3.bn.bias"),
        ["a negative variance"] = Inception("holds a variance of -1", weights => weights.Set("Conv2d_1a_3x3.bn.running_var", [2], [1, -1])),
        ["another number of features"] = Inception("tensor 'fc.weight' has shape [63, 127], expected [63, 128]", weights => weights.Set("fc.weight", [63, 127], new float[63 * 127])),
        ["registers"] = Dino("tensor 'register_tokens' is none of a vision transformer of DINOv2 without registers", weights => weights.Set("register_tokens", [1, 4, 64], new float[256])),
        ["positions that are no square"] = Dino("has 25 positions, which are not one and a square", weights => weights.Set("pos_embed", [1, 25, 64], new float[25 * 64])),
        ["one position"] = Dino("has 1 positions", weights => weights.Set("pos_embed", [1, 1, 64], new float[64])),
        ["a block is missing"] = Dino("no tensor 'blocks.1.mlp.fc2.bias'", weights => weights.Remove("blocks.1.mlp.fc2.bias")),
        ["patches that are not square"] = Dino("expected [64, 3, 14, 14]", weights => weights.Set("patch_embed.proj.weight", [64, 3, 14, 15], new float[64 * 3 * 14 * 15])),
        ["heads of no known width"] = Dino("which do not fall into heads of 64", weights => weights.Set("patch_embed.proj.weight", [63, 3, 14, 14], new float[63 * 3 * 14 * 14])),
    };

    public static TheoryData<string> MalformedNames => [.. Malformed.Keys];

    [Theory]
    [MemberData(nameof(MalformedNames))]
    public void A_malformed_file_is_refused(string name) => Malformed[name].AssertRefused(path =>
    {
        ComputeDevice device = TestDevices.Get("cpu");
        long before = device.AllocatedBytes;
        try
        {
            FeatureNetworkFile.Load(path, device).Dispose();
        }
        finally
        {
            Assert.Equal(before, device.AllocatedBytes); // whatever was read is released
        }
    });

    [Fact]
    public void Integers_are_no_weights()
    {
        using TemporaryFolder folder = new();
        var writer = new SafetensorsWriter();
        FeatureWeights weights = new ReferenceDino(1).Weights;
        weights.Remove("norm.bias");
        weights.Write(writer);
        writer.Add("norm.bias", [64], (ReadOnlyMemory<int>)new int[64]);
        writer.Save(folder.File(Name));
        Assert.Contains("tensor 'norm.bias' holds I32, expected floating-point numbers", Assert.Throws<InvalidFileException>(() => FeatureNetworkFile.Load(folder.File(Name), TestDevices.Get("cpu"))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_counter_of_batches_and_a_mask_token_are_passed_over_and_kinds_are_recognised()
    {
        using TemporaryFolder folder = new();
        FeatureWeights weights = new ReferenceInception(16, 1).Weights;
        weights.Set("Conv2d_1a_3x3.bn.num_batches_tracked", [], [1]);
        string inception = weights.Save(folder.File("inception.safetensors")), dino = new ReferenceDino(1).Weights.Save(folder.File("dino.safetensors"));
        string other = Made(new FeatureWeights(1), "enc.conv.weight", [1], [1]).Save(folder.File("other.safetensors"));
        Assert.Equal([true, true, false], ((string[])[inception, dino, other]).Select(FeatureNetworkFile.Recognises));
        using IFeatureNetwork first = FeatureNetworkFile.Load(inception, TestDevices.Get("cpu")), second = FeatureNetworkFile.Load(dino, TestDevices.Get("cpu"));
        Assert.Equal(("inception-2015-narrow-128", "dinov2-64x2"), (first.Name, second.Name));
    }

    /// <summary>Random weights are the same for a seed, differ for another, and the network never has the name of the real one.</summary>
    [Fact]
    public void A_random_network_says_that_it_is_one()
    {
        using TemporaryFolder folder = new();
        foreach ((string name, ulong seed) in ((string, ulong)[])[("a", 1), ("b", 1), ("c", 2)])
            RandomInception.Save(folder.File(name), seed, divisor: 16);
        Assert.Equal(File.ReadAllBytes(folder.File("a")), File.ReadAllBytes(folder.File("b")));
        Assert.NotEqual(File.ReadAllBytes(folder.File("a")), File.ReadAllBytes(folder.File("c")));
        using IFeatureNetwork network = FeatureNetworkFile.Load(folder.File("a"), TestDevices.Get("cpu"));
        Assert.Equal("inception-2015-narrow-128-random", network.Name);
        var features = new FeatureBatch(1, network.Outputs[0]);
        network.Compute(FeatureWeights.Pictures(1, 8, 8, 1), 1, 8, 8, 3, features);
        Assert.All(features["pool"], value => Assert.InRange(value, 0, 100));
        Assert.Contains(features["pool"], value => value > 0.01f);
    }

    [Fact]
    public void A_batch_of_features_has_what_was_asked_for()
    {
        var kinds = new[] { new FeatureSpec("a", 2, ""), new FeatureSpec("b", 3, "") };
        var batch = new FeatureBatch(4, kinds);
        Assert.Equal((8, 12), (batch["a"].Length, batch["b"].Length));
        Assert.Equal(kinds, batch.Kinds);
        Assert.Throws<KeyNotFoundException>(() => batch["c"]);
        Assert.Throws<ArgumentException>(() => new FeatureBatch(1, kinds[0], kinds[0]));
        Assert.Throws<ArgumentException>(() => new FeatureBatch(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureBatch(0, kinds));
    }

    private static MalformedInput Inception(string reason, Action<FeatureWeights> change, string? read = null) => new(Name, folder =>
    {
        FeatureWeights weights = new ReferenceInception(16, 1).Weights;
        change(weights);
        if (read is not null)
            weights.Set(read, weights.Shape(read), [float.NaN, .. new float[(int)weights.Shape(read)[0] - 1]]);
        weights.Save(folder.File(Name));
    }, reason);

    private static MalformedInput Dino(string reason, Action<FeatureWeights> change) => new(Name, folder =>
    {
        FeatureWeights weights = new ReferenceDino(1).Weights;
        change(weights);
        weights.Save(folder.File(Name));
    }, reason);

    private static FeatureWeights Made(FeatureWeights weights, string name, long[] shape, float[] values)
    {
        weights.Set(name, shape, values);
        return weights;
    }
}
