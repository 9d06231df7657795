using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>The training step to measure.</summary>
/// <param name="Preset">Name of a model's preset, which gives the network and the numbers of its training.</param>
/// <param name="Objective">Name of an objective in <see cref="ObjectiveRegistry"/>.</param>
/// <param name="Batch">Images in a step.</param>
/// <param name="Dropout">Probability in [0, 1) that a value is dropped; the PyTorch peer drops none.</param>
/// <param name="Precision">Storage type of activations, also of the teacher's.</param>
internal sealed record StepOptions(string Preset, string Objective, int Batch, float Dropout, Precision Precision)
{
    /// <summary>The names of all objectives, in alphabetical order.</summary>
    public static string[] Objectives => [.. ObjectiveRegistry.All.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Allocates and records the step, with random weights.</summary>
    /// <param name="device">Device on which the step runs.</param>
    /// <param name="teacher">A diffusion model of the same network, if the objective needs one; to be released after the step.</param>
    /// <exception cref="UsageException">There is no such preset or objective, or the device or the training does not allow the options.</exception>
    public TrainingStep Create(ComputeDevice device, out TrigFlowModel? teacher)
    {
        teacher = null;
        try
        {
            NetworkConfig config = ModelPresets.Get(Preset);
            TrainingOptions options = Numbers() with { Batch = Batch, Precision = Precision, Dropout = Dropout };
            Objective objective = options.Objective.Create();
            INetwork network = objective.StudentNetwork(config).Build();
            teacher = objective.NeedsTeacher ? RandomModel.Create(device, Preset, Precision, ModelKind.Diffusion) : null;
            return new TrainingStep(device, network, options, RandomModel.SigmaData, weights => network.Initialise(weights, 1), teacher);
        }
        catch (ArgumentException e)
        {
            teacher?.Dispose();
            throw new UsageException(e.Message);
        }
    }

    /// <summary>Returns noise instead of images, since the time of a step does not depend on them.</summary>
    public float[] Images()
    {
        long pixels = ModelPresets.Get(Preset).Image.Count;
        var random = new Random(3);
        return [.. Enumerable.Range(0, (int)(Batch * pixels)).Select(_ => random.NextSingle() * 2 - 1)];
    }

    /// <summary>Returns the preset's options for the objective or, if it has none, the objective's defaults.</summary>
    internal TrainingOptions Numbers()
    {
        ObjectiveOptions defaults = ObjectiveRegistry.Defaults(Objective);
        try
        {
            return TrainingPresets.Get(Preset, Objective).Options;
        }
        catch (ArgumentException)
        {
            return new TrainingOptions { Objective = defaults };
        }
    }
}
