using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class RecomputeTests
{
    private static readonly Edm2Config Config = new()
    {
        Resolution = 8,
        ImageChannels = 3,
        ModelChannels = 8,
        ChannelMult = [2, 3],
        BlocksPerLevel = 1,
        AttentionResolutions = [4],
        ChannelsPerHead = 8,
        LabelCount = 4,
    };

    /// <summary>Activations that are computed again are those that were kept: weights after three steps have the same bits, with dropout too, in less memory.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void What_is_computed_again_has_the_same_bits(string name)
    {
        (float[] kept, long keptBytes) = Train(name, recompute: false);
        (float[] again, long againBytes) = Train(name, recompute: true);
        Assert.Equal(kept, again);
        Assert.True(againBytes < 0.95 * keptBytes, $"{againBytes} bytes with recomputation, {keptBytes} without");
    }

    private static (float[] Weights, long Bytes) Train(string name, bool recompute)
    {
        ComputeDevice device = TestDevices.Get(name);
        INetwork network = Config.Build();
        TrainingOptions options = TrainingPresets.Get("cifar10-edm2", "sct").Options with { Batch = 16, Dropout = 0.3f, Recompute = recompute };
        long before = device.AllocatedBytes;
        using var step = new TrainingStep(device, network, options, 0.5f, weights => network.Initialise(weights, 1));
        step.Weights["out_gain"].Value.Upload<float>([1f]); // at the initial 0 nothing but the gain has a gradient
        step.Refresh();
        var random = new Random(2);
        float[] images = [.. Enumerable.Range(0, 16 * 8 * 8 * 3).Select(_ => random.NextSingle() * 2 - 1)];
        int[] labels = [.. Enumerable.Range(0, 16).Select(i => i % 4)];
        for (int i = 0; i < 3; i++)
            step.Run(images, labels, 300 + i);
        Assert.Equal(3, step.FetchStatistics().Taken);
        return (step.Weights.Values.ToArray(), device.AllocatedBytes - before);
    }
}
