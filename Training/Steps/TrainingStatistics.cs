namespace TrigFlowNative.Training.Steps;

/// <summary>Means over the steps since statistics were last fetched (NaN where there were none), and counts of steps.</summary>
/// <param name="Means">Means by name: those below, and whatever else the objective logs.</param>
public sealed record TrainingStatistics(IReadOnlyDictionary<string, double> Means)
{
    /// <summary>Name of the mean loss of a sample.</summary>
    public const string LossName = "loss";

    /// <summary>Name of the mean squared error of an element.</summary>
    public const string ErrorName = "error";

    /// <summary>Name of the mean norm of the gradient.</summary>
    public const string GradientNormName = "gradient_norm";

    /// <summary>Name of the mean norm of a sample's tangent.</summary>
    public const string TangentNormName = "tangent_norm";

    /// <summary>Mean loss of a sample, with its weighting.</summary>
    public double Loss => Means[LossName];

    /// <summary>Mean squared error of an element, without the weighting.</summary>
    public double Error => Means[ErrorName];

    /// <summary>Mean Euclidean norm of the student's gradient before clipping.</summary>
    public double GradientNorm => Means[GradientNormName];

    /// <summary>Mean Euclidean norm of a sample's tangent before its normalisation; NaN where an objective has none.</summary>
    public double TangentNorm => Means[TangentNormName];

    /// <summary>Steps that the student has taken since the start of the training.</summary>
    public long Taken { get; init; }

    /// <summary>Steps in which some player's update was skipped since the start of the training, because a loss or gradient was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>The longest row of skipped updates of a player that ended, or goes on, since statistics were last fetched.</summary>
    public long LongestSkip { get; init; }
}
