using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Runs;

/// <summary>One line of metrics.csv: means over the training steps since the line before.</summary>
public sealed record MetricsRow
{
    /// <summary>Training steps done since the start of the run.</summary>
    public long Step { get; init; }

    /// <summary>Name of the objective, such as scd.</summary>
    public string Objective { get; init; } = "";

    /// <summary>Images seen, in thousands.</summary>
    public double KImg { get; init; }

    /// <summary>
    /// Means of the tallies by name: loss (with the weighting), error (without it), gradient_norm (before clipping), tangent_norm (before
    /// normalisation; 0 if there is no tangent), and others of the objective.
    /// </summary>
    public IReadOnlyDictionary<string, double> Means { get; init; } = new Dictionary<string, double>();

    /// <summary>Learning rate of the training's optimizer in the last step.</summary>
    public double LearningRate { get; init; }

    /// <summary>Updates skipped since the start because a loss or gradient was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>Images trained on per second since the line before.</summary>
    public double ImagesPerSecond { get; init; }

    /// <summary>Mean loss with the weighting; NaN if it is not among the means.</summary>
    public double Loss => Means.TryGetValue(TallyNames.Loss, out double loss) ? loss : double.NaN;
}
