using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>Settings of <see cref="ConsistencyObjective"/>; the defaults are those of CIFAR-10 in arXiv:2410.11081, appendix G.2.</summary>
public record ConsistencyOptions : RegressionOptions
{
    /// <summary>Creates the default settings; ln sigma is higher and more spread than in diffusion training.</summary>
    public ConsistencyOptions() => (PMean, PStd) = (-1.0f, 1.4f);

    /// <summary>H, the training steps over which the tangent's unstable part is blended in: r = min(1, step / H); 0 for r = 1 from the start.</summary>
    public int TangentWarmUp { get; init; } = 10_000;

    /// <summary>The constant c in g / (|g| + c), from 0 to 1e6.</summary>
    public float TangentConstant { get; init; } = 0.1f;

    /// <summary>Kind of the norm |g|.</summary>
    public TangentNorm TangentNorm { get; init; } = TangentNorm.Euclidean;

    /// <summary>Returns r at a training step.</summary>
    /// <param name="step">Number of the training step, from 0.</param>
    public double WarmUpAt(long step) => step >= TangentWarmUp ? 1 : step / (float)TangentWarmUp;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(Enum.IsDefined(TangentNorm), $"tangent_norm {TangentNorm} is unknown");
        Require(TangentWarmUp >= 0, $"tangent_warm_up must not be negative: {TangentWarmUp}");
        Require(TangentConstant is >= 0 and <= 1e6f, $"tangent_constant must be 0 to 1e6, not {TangentConstant}");
    }

    /// <inheritdoc/>
    public override Objective Create() => new ConsistencyObjective(this);
}

/// <summary>Settings of <see cref="DistillationObjective"/>.</summary>
public sealed record DistillationOptions : ConsistencyOptions
{
    /// <summary>
    /// Largest guidance scale, from 1 to 100; 1 for no guidance. The teacher's scale is drawn uniformly from [1, MaxGuidance] for each sample.
    /// Above 1, the teacher must have been trained with classes and label dropout.
    /// </summary>
    public float MaxGuidance { get; init; } = 1f;

    /// <summary>
    /// Whether the student takes the guidance scale as an input, as in the paper, so that it can be chosen when sampling. Otherwise the student
    /// learns the model of the mean scale. Without effect if no scale is drawn.
    /// </summary>
    public bool GuidanceInput { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(MaxGuidance is >= 1 and <= 100, $"max_guidance must be 1 to 100, not {MaxGuidance}");
    }

    /// <inheritdoc/>
    public override Objective Create() => new DistillationObjective(this);
}
