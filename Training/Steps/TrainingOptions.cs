using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Optimization;

namespace TrigFlowNative.Training.Steps;

/// <summary>All settings that decide what a training step computes, besides the network and the data.</summary>
public sealed record TrainingOptions
{
    /// <summary>The objective and its settings.</summary>
    public ObjectiveOptions Objective { get; init; } = ObjectiveRegistry.Defaults("trigflow");

    /// <summary>The optimizer and its settings.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>The averages of the weights.</summary>
    public AverageOptions Average { get; init; } = new();

    /// <summary>Images in a training step; positive.</summary>
    public int Batch { get; init; } = 512;

    /// <summary>Images in a micro-batch; divides <see cref="Batch"/>. Gradients are summed over the micro-batches. 0 for the whole batch.</summary>
    public int MicroBatch { get; init; }

    /// <summary>Dropout probability in [0, 1), for networks that have dropout.</summary>
    public float Dropout { get; init; }

    /// <summary>
    /// Largest resolution of a block's output, in pixels, at which the block has dropout; positive, or null for all blocks. arXiv:2410.11081, appendix G,
    /// takes 16 for the consistency models of ImageNet.
    /// </summary>
    public int? DropoutResolution { get; init; }

    /// <summary>
    /// Whether activations that are cheap to compute are computed again in the backward pass instead of being kept, for networks that say how: the same bits in
    /// less memory. EDM2-S then takes a third less for its activations.
    /// </summary>
    public bool Recompute { get; init; }

    /// <summary>Storage type of the network's activations; that of a teacher was chosen when it was loaded.</summary>
    public Precision Precision { get; init; } = Precision.Auto;

    /// <summary>Seed of all random numbers of the training.</summary>
    public ulong Seed { get; init; }

    /// <summary>Images in a micro-batch: <see cref="MicroBatch"/>, or the whole batch if that is 0.</summary>
    internal int MicroBatchSize => MicroBatch == 0 ? Batch : MicroBatch;

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        Objective.Validate();
        Optimizer.Validate();
        Average.Validate();
        if (Dropout is not (>= 0 and < 1))
            throw new ArgumentException($"dropout must be in [0, 1), not {Dropout}");
        if (DropoutResolution is < 1)
            throw new ArgumentException($"dropout_resolution must be positive or null, not {DropoutResolution}");
        if (!Enum.IsDefined(Precision))
            throw new ArgumentException($"precision must be auto, fp32 or bf16, not {Precision}");
        if (Batch < 1 || MicroBatch < 0)
            throw new ArgumentException($"batch must be positive and micro_batch not negative, not {Batch} and {MicroBatch}");
        if (Batch % MicroBatchSize != 0)
            throw new ArgumentException($"batch {Batch} is no multiple of micro_batch {MicroBatch}, the images of a pass: set micro_batch too, to a divisor, or to 0 for the whole batch");
    }
}
