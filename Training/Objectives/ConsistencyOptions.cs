using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>Numbers of <see cref="ConsistencyObjective"/>; the defaults are those of CIFAR-10 in arXiv:2410.11081, appendix G.2.</summary>
public record ConsistencyOptions : RegressionOptions
{
    /// <summary>Steps H over which the tangent's unstable part is blended in, r = min(1, step / H); 0 for r = 1.</summary>
    public int TangentWarmUp { get; init; } = 10_000;

    /// <summary>The constant c in g / (|g| + c); 0 to 1e6.</summary>
    public float TangentConstant { get; init; } = 0.1f;

    /// <summary>How |g| is measured.</summary>
    public TangentNorm TangentNorm { get; init; } = TangentNorm.Euclidean;

    /// <summary>r at a step counted from 0.</summary>
    public double WarmUpAt(long step) => step >= TangentWarmUp ? 1 : step / (float)TangentWarmUp;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(Enum.IsDefined(TangentNorm), $"the tangent norm {TangentNorm} is unknown");
        Require(TangentWarmUp >= 0, $"tangent_warm_up is not negative: {TangentWarmUp}");
        Require(TangentConstant is >= 0 and <= 1e6f, $"tangent_constant is 0 to 1e6, not {TangentConstant}");
    }

    /// <inheritdoc/>
    public override Objective Create() => new ConsistencyObjective(this);
}

/// <summary>Numbers of consistency distillation.</summary>
public sealed record DistillationOptions : ConsistencyOptions
{
    /// <summary>
    /// With labels, the teacher's guidance scale is drawn uniformly from [1, MaxGuidance] for each sample; 1 for none. Above 1 the teacher must have
    /// been trained with some labels hidden.
    /// </summary>
    public float MaxGuidance { get; init; } = 1f;

    /// <summary>
    /// Whether the student takes the guidance scale as an input, as in the paper, so that whoever samples may choose it. Otherwise it learns the model
    /// of the mean scale. Without effect where none is drawn.
    /// </summary>
    public bool GuidanceInput { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(MaxGuidance is >= 1 and <= 100, $"max_guidance is 1 to 100, not {MaxGuidance}");
    }

    /// <inheritdoc/>
    public override Objective Create() => new DistillationObjective(this);
}
