using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class CheckpointTests
{
    private const int Align = 64; // elements: 256 bytes

    /// <summary>The form of files since the first version: each parameter at a multiple of 256 bytes, in the order of EDM's state dict.</summary>
    [Fact]
    public void Slabs_are_stored_in_the_order_of_the_parameters_wherever_they_lie_in_memory()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("state.safetensors");
        using TrainingStep step = Create(seed: 1), other = Create(seed: 2);
        Checkpoint.Save(path, 7, step.State);

        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            float[] expected = [.. step.Weights.Parameters.SelectMany(parameter => Padded(parameter.Value.ToArray()))];
            Assert.Equal(expected, file.ReadSingles("weights"));
            Assert.Equal(expected, file.ReadSingles("average")); // as it starts
            Assert.Equal(expected.Length, file.ReadSingles("first_moment").Length);
            Assert.NotEqual(expected, step.Weights.Values.ToArray()); // or the test would show nothing
        }

        Assert.Equal(7, Checkpoint.Load(path, other.State));
        foreach ((Parameter stored, Parameter loaded) in step.Weights.Parameters.Zip(other.Weights.Parameters))
            Assert.Equal(stored.Value.ToArray(), loaded.Value.ToArray());
        Assert.Equal(step.Weights.Values.ToArray(), other.Weights.Values.ToArray());
    }

    private static IEnumerable<float> Padded(float[] values) => values.Concat(Enumerable.Repeat(0f, (Align - values.Length % Align) % Align));

    private static TrainingStep Create(ulong seed)
    {
        INetwork network = SmallUNet.Config.Build();
        TrainingOptions options = TrainingPresets.Get("demo", "sct").Options with { Batch = 2, Precision = Precision.Fp32 };
        return new TrainingStep(TestDevices.Get("cpu"), network, options, 0.5f, slab => SmallUNet.Initialise(network, slab, seed));
    }
}
