namespace TrigFlowNative.Training.Objectives;

/// <summary>Means over the steps since statistics were last fetched (NaN where there were none), and counts of steps.</summary>
public sealed record TrainingStatistics
{
    /// <summary>Mean loss of a sample, with the adaptive weighting.</summary>
    public double Loss { get; init; }

    /// <summary>Mean squared error of an element, without the weighting.</summary>
    public double Error { get; init; }

    /// <summary>Mean Euclidean norm of the gradient before clipping.</summary>
    public double GradientNorm { get; init; }

    /// <summary>Consistency: mean Euclidean norm of a sample's tangent before its normalisation; NaN in diffusion training.</summary>
    public double TangentNorm { get; init; }

    /// <summary>Steps taken since the start of the training.</summary>
    public long Taken { get; init; }

    /// <summary>Steps skipped since the start of the training, because a loss or gradient was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>The longest row of skipped steps that ended, or goes on, since statistics were last fetched.</summary>
    public long LongestSkip { get; init; }
}
