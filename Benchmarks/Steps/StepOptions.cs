using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>Which training step is measured.</summary>
/// <param name="Preset">The network and its training numbers.</param>
/// <param name="Objective">What is trained; for distillation, a teacher of the same size runs too.</param>
/// <param name="Batch">Images in a step.</param>
/// <param name="Dropout">Dropout of the network; the PyTorch peer has none.</param>
/// <param name="Precision">Storage of activations, the teacher's too.</param>
internal sealed record StepOptions(string Preset, string Objective, int Batch, float Dropout, Precision Precision)
{
    private const float SigmaData = 0.5f;

    /// <summary>Allocates and records the step, with random weights and, for distillation, a teacher of random weights.</summary>
    /// <exception cref="UsageException">There is no such preset, or the device or the training cannot be as asked.</exception>
    public TrainingStep Create(ComputeDevice device, out TrigFlowModel? teacher)
    {
        teacher = null;
        try
        {
            INetwork network = ModelPresets.Get(Preset).Build();
            TrainingOptions options = TrainingPresets.Get(Preset, Objective).Options with { Batch = Batch, Precision = Precision, Dropout = Dropout };
            teacher = options.Objective.Create().NeedsTeacher ? CreateModel(device, ModelKind.Diffusion) : null;
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
    public TrigFlowModel CreateModel(ComputeDevice device, ModelKind kind = ModelKind.Consistency)
    {
        try
        {
            INetwork network = ModelPresets.Get(Preset).Build();
            ParameterSlab weights = network.CreateSlab(device, activations: Precision.ActivationsOn(device));
            network.Initialise(weights, 2);
            return new TrigFlowModel(network, weights, SigmaData, kind);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Noise in place of images: what a step costs does not depend on them.</summary>
    public float[] Images()
    {
        long pixels = ModelPresets.Get(Preset).Image.Count;
        var random = new Random(3);
        return [.. Enumerable.Range(0, (int)(Batch * pixels)).Select(_ => random.NextSingle() * 2 - 1)];
    }
}
