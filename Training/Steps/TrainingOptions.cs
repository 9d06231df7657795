using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;

namespace TrigFlowNative.Training.Steps;

/// <summary>Everything that decides what a training step computes, besides the network and the data.</summary>
public sealed record TrainingOptions
{
    /// <summary>The objective and its numbers.</summary>
    public ObjectiveOptions Objective { get; init; } = ObjectiveRegistry.Defaults("trigflow");

    /// <summary>The optimizer and its numbers.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>The averages kept.</summary>
    public AverageOptions Average { get; init; } = new();

    /// <summary>Images in a step.</summary>
    public int Batch { get; init; } = 512;

    /// <summary>Images that are in memory at a time; divides <see cref="Batch"/>, and gradients are summed over the micro-batches. 0 for the whole batch.</summary>
    public int MicroBatch { get; init; }

    /// <summary>Probability in [0, 1) that a value is dropped where the network has dropout.</summary>
    public float Dropout { get; init; }

    /// <summary>How the network stores activations; a teacher runs as its weights were loaded.</summary>
    public Precision Precision { get; init; } = Precision.Auto;

    /// <summary>Key of all random numbers of the training.</summary>
    public ulong Seed { get; init; }

    /// <summary><see cref="MicroBatch"/>, or the batch where that is 0.</summary>
    internal int MicroBatchSize => MicroBatch == 0 ? Batch : MicroBatch;

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        Objective.Validate();
        Optimizer.Validate();
        Average.Validate();
        if (Dropout is not (>= 0 and < 1))
            throw new ArgumentException($"dropout is in [0, 1), not {Dropout}");
        if (!Enum.IsDefined(Precision))
            throw new ArgumentException($"precision is auto, fp32 or bf16, not {Precision}");
        if (Batch < 1 || MicroBatch < 0 || Batch % MicroBatchSize != 0)
            throw new ArgumentException($"batch is positive and a multiple of micro_batch, not {Batch} and {MicroBatch}");
    }
}
