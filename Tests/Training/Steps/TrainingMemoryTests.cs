using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class TrainingMemoryTests
{
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Nothing_is_allocated_on_the_device_after_the_second_step(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        long before = device.AllocatedBytes;
        INetwork network = ((DdpmppConfig)ModelPresets.Get("demo") with { Resolution = 8, ModelChannels = 8, ChannelMult = [1, 2], AttentionResolutions = [4] }).Build();
        TrainingOptions options = TrainingPresets.Get("demo", "sct").Options with { Batch = 4, MicroBatch = 2 };
        using (var step = new TrainingStep(device, network, options, 0.5f, weights => network.Initialise(weights, 1)))
        {
            var random = new Random(2);
            float[] images = [.. Enumerable.Range(0, 4 * 8 * 8 * 3).Select(_ => random.NextSingle() * 2 - 1)];
            step.Run(images, [], 0);
            step.Run(images, [], 1);
            long settled = device.AllocatedBytes;
            Assert.True(settled > before);
            for (int i = 2; i < 6; i++)
                step.Run(images, [], i);
            step.FetchStatistics();
            Assert.Equal(settled, device.AllocatedBytes);
        }

        Assert.Equal(before, device.AllocatedBytes);
    }

    /// <summary>The second phase is refused when the first is compiled, with its buffers.</summary>
    [Fact]
    public void A_step_whose_recording_fails_leaves_nothing_on_the_device()
    {
        using var device = new CpuDevice();
        int phases = 0;
        var objective = new Described
        {
            OfPhases = [new Phase(Objective.Student), new Phase(Objective.Student)],
            Recording = _ =>
            {
                if (++phases == 2)
                    throw new NotSupportedException("the second phase");
            },
        };
        var options = new TrainingOptions { Batch = 4, Objective = objective.Options };
        INetwork network = AffineNetwork.Of(_ => (0, 1), new Shape(1, 2, 3, 1));
        Assert.Throws<NotSupportedException>(() => new TrainingStep(device, network, options, 0.5f, weights => network.Initialise(weights, 1)));
        Assert.Equal((2, 0), (phases, device.AllocatedBytes));
    }
}
