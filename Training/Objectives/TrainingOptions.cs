using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Objectives;

/// <summary>Everything that decides what a training step computes, besides the network and the data.</summary>
public sealed record TrainingOptions
{
    /// <summary>The objective and its numbers.</summary>
    public ObjectiveOptions Objective { get; init; } = new();

    /// <summary>The optimizer and its numbers.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>The averages kept.</summary>
    public AverageOptions Average { get; init; } = new();

    /// <summary>Images in a step.</summary>
    public int Batch { get; init; } = 512;

    /// <summary>Images that are in memory at a time; divides <see cref="Batch"/>, and gradients are summed over the pieces. 0 for the whole batch.</summary>
    public int MicroBatch { get; init; }

    /// <summary>How the network stores activations; a teacher runs as its weights were loaded.</summary>
    public Precision Precision { get; init; } = Precision.Auto;

    /// <summary>Key of all random numbers of the training.</summary>
    public ulong Seed { get; init; }

    /// <summary><see cref="MicroBatch"/>, or the batch where that is 0.</summary>
    internal int Piece => MicroBatch == 0 ? Batch : MicroBatch;

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        Objective.Validate();
        Optimizer.Validate();
        Average.Validate();
        if (!Enum.IsDefined(Precision))
            throw new ArgumentException($"precision is auto, fp32 or bf16, not {Precision}");
        if (Batch < 1 || MicroBatch < 0 || Batch % Piece != 0)
            throw new ArgumentException($"batch is positive and a multiple of micro_batch, not {Batch} and {MicroBatch}");
    }
}
