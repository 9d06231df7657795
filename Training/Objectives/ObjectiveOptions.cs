using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>The numbers of an objective; the defaults are those of CIFAR-10 in arXiv:2410.11081, appendix G.2.</summary>
public sealed record ObjectiveOptions
{
    /// <summary>What is trained.</summary>
    public Objective Objective { get; init; }

    /// <summary>Mean of ln sigma among the times drawn, sigma = sigma_data tan t.</summary>
    public float PMean { get; init; } = -1.2f;

    /// <summary>Standard deviation of ln sigma among the times drawn; not negative.</summary>
    public float PStd { get; init; } = 1.2f;

    /// <summary>
    /// Probability in [0, 1] that a label is hidden in diffusion training, so that the network can be guided by its own
    /// unconditional prediction. Without effect where there are no labels, and in consistency training.
    /// </summary>
    public float LabelDropout { get; init; } = 0.1f;

    /// <summary>Consistency: steps H over which the tangent's unstable part is blended in, r = min(1, step / H); 0 for r = 1.</summary>
    public int TangentWarmUp { get; init; } = 10_000;

    /// <summary>Consistency: the constant c in g / (|g| + c); not negative.</summary>
    public float TangentConstant { get; init; } = 0.1f;

    /// <summary>Consistency: how |g| is measured.</summary>
    public TangentNorm TangentNorm { get; init; } = TangentNorm.Euclidean;

    /// <summary>
    /// Distillation with labels: the teacher's guidance is drawn uniformly in [1, MaxGuidance] for each sample; 1 for none.
    /// Above 1 the teacher must have been trained with some labels hidden.
    /// </summary>
    public float MaxGuidance { get; init; } = 1f;

    /// <summary>r at a step counted from 0.</summary>
    public float WarmUpAt(long step) => step >= TangentWarmUp ? 1f : step / (float)TangentWarmUp;

    /// <summary>Checks every member's range.</summary>
    /// <exception cref="ArgumentException">A member is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(Enum.IsDefined(Objective) && Enum.IsDefined(TangentNorm), $"objective {Objective} or tangent norm {TangentNorm} is unknown");
        Require(float.IsFinite(PMean), $"p_mean is a number, not {PMean}");
        Require(PStd is >= 0 and <= 100, $"p_std is 0 to 100, not {PStd}");
        Require(LabelDropout is >= 0 and <= 1, $"label_dropout is 0 to 1, not {LabelDropout}");
        Require(TangentWarmUp >= 0, $"tangent_warm_up is not negative: {TangentWarmUp}");
        Require(TangentConstant is >= 0 and <= 1e6f, $"tangent_constant is 0 to 1e6, not {TangentConstant}");
        Require(MaxGuidance is >= 1 and <= 100, $"max_guidance is 1 to 100, not {MaxGuidance}");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}
