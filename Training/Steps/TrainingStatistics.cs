using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>Means over the training steps since the last fetch (NaN if there were none), and counts of steps.</summary>
/// <param name="Means">Means of the tallies by name: those of <see cref="TallyNames"/> and any others of the objective.</param>
public sealed record TrainingStatistics(IReadOnlyDictionary<string, double> Means)
{
    /// <summary>Mean loss per sample, with its weighting.</summary>
    public double Loss => Means[TallyNames.Loss];

    /// <summary>Mean squared error per element, without the weighting.</summary>
    public double Error => Means[TallyNames.Error];

    /// <summary>Mean Euclidean norm of the student's gradient before clipping.</summary>
    public double GradientNorm => Means[TallyNames.GradientNorm];

    /// <summary>Mean Euclidean norm of a sample's tangent before normalisation; NaN if the objective has none.</summary>
    public double TangentNorm => Means[TallyNames.TangentNorm];

    /// <summary>Updates that the student has taken since the start of the training.</summary>
    public long Taken { get; init; }

    /// <summary>Updates skipped since the start of the training because a loss or gradient was not finite, summed over all players.</summary>
    public long Skipped { get; init; }

    /// <summary>Most updates of one player skipped in a row; counts rows that ended since the last fetch or still go on.</summary>
    public long LongestSkip { get; init; }
}
