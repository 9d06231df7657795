using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Optimization;

/// <summary>The optimizer and its settings.</summary>
public sealed record OptimizerOptions
{
    /// <summary>Algorithm: Adam or RAdam.</summary>
    public OptimizerKind Kind { get; init; } = OptimizerKind.Adam;

    /// <summary>Learning rate as a function of the training step.</summary>
    public LearningRateSchedule LearningRate { get; init; } = new();

    /// <summary>Decay of the gradient's running mean, in [0, 1).</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>Decay of the squared gradient's running mean, in [0, 1).</summary>
    public float Beta2 { get; init; } = 0.999f;

    /// <summary>Number added to the root of the squared gradient's mean; in (0, 1).</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>Maximum Euclidean norm of the gradient, to which larger gradients are scaled down; positive, or null for no limit.</summary>
    public float? MaxGradientNorm { get; init; }

    /// <summary>What is done about gradient elements that are infinite or NaN.</summary>
    public NonFiniteGradient NonFinite { get; init; } = NonFiniteGradient.Skip;

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        LearningRate.Validate();
        if (!Enum.IsDefined(Kind))
            throw new ArgumentException($"the kind of the optimizer is unknown: {Kind}");
        if (Beta1 is not (>= 0 and < 1))
            throw new ArgumentException($"beta1 must be in [0, 1), not {Beta1}");
        if (Beta2 is not (>= 0 and < 1))
            throw new ArgumentException($"beta2 must be in [0, 1), not {Beta2}");
        if (Epsilon is not (> 0 and < 1))
            throw new ArgumentException($"epsilon must be in (0, 1), not {Epsilon}");
        if (!Enum.IsDefined(NonFinite))
            throw new ArgumentException($"non_finite must be skip or zero, not {NonFinite}");
        if (MaxGradientNorm is { } maxNorm && !(maxNorm > 0))
            throw new ArgumentException($"max_gradient_norm must be positive or null, not {maxNorm}");
    }

    /// <summary>Records the update of slabs by the gradient, scaled or skipped by the clip decision.</summary>
    internal void Record(ComputeProgram program, AdamSlabs slabs, Tensor learningRate, Tensor clip)
    {
        var constants = new AdamOptions(Beta1, Beta2, Epsilon) { ZeroNonFinite = NonFinite == NonFiniteGradient.Zero };
        if (Kind == OptimizerKind.RAdam)
            RAdam.Into(program, slabs, constants, learningRate, clip);
        else
            Adam.Into(program, slabs, constants, learningRate, clip);
    }
}

/// <summary>What is done about gradient elements that are infinite or NaN.</summary>
public enum NonFiniteGradient
{
    /// <summary>The update is skipped: weights, moments and averages stay as they are.</summary>
    Skip,

    /// <summary>
    /// The elements count as 0, after all else has been done to the gradient, and the update is taken, as in EDM2's program. An update is still skipped if
    /// no sample's loss is finite, since the weights then are not either, or if a second moment would overflow.
    /// </summary>
    Zero,
}

/// <summary>Optimization algorithms.</summary>
public enum OptimizerKind
{
    /// <summary>Adam, arXiv:1412.6980.</summary>
    Adam,

    /// <summary>Rectified Adam, arXiv:1908.03265: no warm-up of the learning rate is needed.</summary>
    RAdam,
}
