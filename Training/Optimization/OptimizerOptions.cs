using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Optimization;

/// <summary>Which optimizer, and its numbers.</summary>
public sealed record OptimizerOptions
{
    /// <summary>Adam or RAdam.</summary>
    public OptimizerKind Kind { get; init; } = OptimizerKind.Adam;

    /// <summary>The learning rate over the steps.</summary>
    public LearningRateSchedule LearningRate { get; init; } = new();

    /// <summary>Decay of the gradient's running mean, in [0, 1).</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>Decay of the squared gradient's running mean, in [0, 1).</summary>
    public float Beta2 { get; init; } = 0.999f;

    /// <summary>Added to the root of the squared gradient's mean; positive.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>The gradient's norm is scaled down to this where it is larger; null for no limit.</summary>
    public float? MaxGradientNorm { get; init; }

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        LearningRate.Validate();
        if (!Enum.IsDefined(Kind) || Beta1 is not (>= 0 and < 1) || Beta2 is not (>= 0 and < 1) || Epsilon is not (> 0 and < 1))
            throw new ArgumentException($"an optimizer has betas in [0, 1) and epsilon in (0, 1): {this}");
        if (MaxGradientNorm is { } limit && !(limit > 0))
            throw new ArgumentException($"max_gradient_norm is positive or absent, not {limit}");
    }

    /// <summary>Records the update of slabs by a judged gradient.</summary>
    internal void Record(ComputeProgram program, AdamSlabs slabs, Tensor learningRate, Tensor verdict)
    {
        var constants = new AdamOptions(Beta1, Beta2, Epsilon);
        if (Kind == OptimizerKind.RAdam)
            RAdam.Into(program, slabs, constants, learningRate, verdict);
        else
            Adam.Into(program, slabs, constants, learningRate, verdict);
    }
}

/// <summary>The optimizers.</summary>
public enum OptimizerKind
{
    /// <summary>arXiv:1412.6980.</summary>
    Adam,

    /// <summary>Rectified Adam, arXiv:1908.03265: no warm-up of the learning rate is needed.</summary>
    RAdam,
}
