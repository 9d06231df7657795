using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>Which training step is measured.</summary>
/// <param name="Preset">The network and its training numbers.</param>
/// <param name="Objective">What is trained; for distillation, a teacher of the same size runs too.</param>
/// <param name="Batch">Images in a step.</param>
/// <param name="Dropout">Dropout of the network; the PyTorch peer has none.</param>
/// <param name="Precision">Storage of activations, the teacher's too.</param>
internal sealed record StepOptions(string Preset, Objective Objective, int Batch, float Dropout, Precision Precision)
{
    private const float SigmaData = 0.5f;

    /// <summary>Allocates and records the step, with random weights and, for distillation, a teacher of random weights.</summary>
    /// <exception cref="UsageException">There is no such preset, or the device or the training cannot be as asked.</exception>
    public TrainingStep Create(ComputeDevice device, out TrigFlowModel? teacher)
    {
        teacher = Objective == Objective.Scd ? CreateModel(device) : null;
        try
        {
            var network = new UNet(ModelPresets.Get(Preset) with { Dropout = Dropout });
            TrainingOptions options = TrainingPresets.Get(Preset, Objective).Options with { Batch = Batch, Precision = Precision };
            return new TrainingStep(device, network, options, SigmaData, weights => network.Initialise(weights, 1), teacher);
        }
        catch (ArgumentException e)
        {
            teacher?.Dispose();
            throw new UsageException(e.Message);
        }
    }

    /// <summary>A model of the preset's network with random weights.</summary>
    /// <exception cref="UsageException">There is no such preset, or the device has no kernels for the precision.</exception>
    public TrigFlowModel CreateModel(ComputeDevice device)
    {
        try
        {
            var network = new UNet(ModelPresets.Get(Preset));
            ParameterSlab weights = network.CreateSlab(device, rounded: Precision.StorageOn(device) == DType.BFloat16);
            network.Initialise(weights, 2);
            return new TrigFlowModel(network, weights, SigmaData, ModelKind.Consistency);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Noise in place of images: what a step costs does not depend on them.</summary>
    public float[] Images()
    {
        UNetConfig config = ModelPresets.Get(Preset);
        var random = new Random(3);
        return [.. Enumerable.Range(0, Batch * config.Resolution * config.Resolution * config.ImageChannels).Select(_ => random.NextSingle() * 2 - 1)];
    }
}
