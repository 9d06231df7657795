using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>The training step to measure.</summary>
/// <param name="Preset">Name of a model's preset, which gives the network and the numbers of its training.</param>
/// <param name="Objective">Name of an objective in <see cref="ObjectiveRegistry"/>, or <see cref="Guided"/>.</param>
/// <param name="Batch">Images in a step.</param>
/// <param name="Dropout">Probability in [0, 1) that a value is dropped; the PyTorch peer drops none.</param>
/// <param name="Precision">Storage type of activations, also of the teacher's.</param>
internal sealed record StepOptions(string Preset, string Objective, int Batch, float Dropout, Precision Precision)
{
    /// <summary>Distillation from a teacher that is guided, and so runs with and without class.</summary>
    public const string Guided = Distillation + "-guided";

    private const string Distillation = "scd";
    private const float LargestGuidance = 2; // arXiv:2410.11081, appendix G.2

    /// <summary>The names of all objectives, and guided distillation, in alphabetical order.</summary>
    public static string[] Objectives => [.. ObjectiveRegistry.All.Keys.Append(Guided).Order(StringComparer.Ordinal)];

    /// <summary>Images of a pass, whose gradients a step adds up; 0 for the whole batch.</summary>
    public int MicroBatch { get; init; }

    /// <summary>Number of the network's classes; null for that of <see cref="PresetNetwork"/>.</summary>
    public int? Classes { get; init; }

    /// <summary>The network without what the objective adds, with its classes.</summary>
    /// <exception cref="ArgumentException">There is no such preset.</exception>
    public NetworkConfig Network => PresetNetwork.Of(Preset, IsGuided) is var network && Classes is { } classes ? network with { LabelCount = classes } : network;

    private bool IsGuided => Objective == Guided;

    /// <summary>Allocates and records the step, with random weights.</summary>
    /// <param name="device">Device on which the step runs.</param>
    /// <param name="teacher">A diffusion model of the same network, if the objective needs one; to be released after the step.</param>
    /// <exception cref="UsageException">There is no such preset or objective, or the device or the training does not allow the options.</exception>
    public TrainingStep Create(ComputeDevice device, out TrigFlowModel? teacher)
    {
        teacher = null;
        try
        {
            NetworkConfig config = Network;
            TrainingOptions options = Training();
            Objective objective = options.Objective.Create();
            INetwork network = objective.StudentNetwork(config).Build();
            teacher = objective.NeedsTeacher ? RandomModel.Create(device, config, Precision, ModelKind.Diffusion) : null;
            return new TrainingStep(device, network, options, RandomModel.SigmaData, weights => RandomModel.Initialise(network, weights, 1), teacher);
        }
        catch (Exception e)
        {
            teacher?.Dispose(); // a batch that does not fit the memory must leave it free for a smaller one
            teacher = null;
            if (e is ArgumentException)
                throw new UsageException(e.Message);
            throw;
        }
    }

    /// <summary>Returns a class for each image of a step; empty for a network without classes.</summary>
    public int[] Labels() => PresetNetwork.Labels(Network, Batch);

    /// <summary>Returns noise instead of images, since the time of a step does not depend on them.</summary>
    public float[] Images()
    {
        long pixels = Network.Image.Count;
        var random = new Random(3);
        return [.. Enumerable.Range(0, (int)(Batch * pixels)).Select(_ => random.NextSingle() * 2 - 1)];
    }

    /// <summary>Floating-point operations of a step that was created with these options; those of a pass count once for each micro-batch.</summary>
    public double FlopsOf(TrainingStep step) => (MicroBatch > 0 ? Batch / MicroBatch : 1) * step.ProgramSteps.Sum(each => OpCost.Of(each).Flops);

    /// <summary>All settings of the step: the preset's numbers with what these options say.</summary>
    public TrainingOptions Training() => Numbers() with { Batch = Batch, MicroBatch = MicroBatch, Precision = Precision, Dropout = Dropout };

    /// <summary>Returns the preset's options for the objective or, if it has none, the objective's defaults.</summary>
    internal TrainingOptions Numbers()
    {
        string name = IsGuided ? Distillation : Objective;
        ObjectiveOptions defaults = ObjectiveRegistry.Defaults(name);
        TrainingOptions options;
        try
        {
            options = TrainingPresets.Get(Preset, name).Options;
        }
        catch (ArgumentException)
        {
            options = new TrainingOptions { Objective = defaults };
        }

        return IsGuided && options.Objective is DistillationOptions distillation ? options with { Objective = distillation with { MaxGuidance = LargestGuidance } } : options;
    }
}
