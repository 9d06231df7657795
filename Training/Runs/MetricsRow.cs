namespace TrigFlowNative.Training.Runs;

/// <summary>One line of metrics.csv: means over the steps since the line before.</summary>
public sealed record MetricsRow
{
    /// <summary>Steps done, from the start of the run.</summary>
    public long Step { get; init; }

    /// <summary>Name of the objective, such as scd.</summary>
    public string Objective { get; init; } = "";

    /// <summary>Thousands of training images seen.</summary>
    public double KImg { get; init; }

    /// <summary>
    /// What the training logs by name: loss (with the weighting), error (without), gradient_norm (before clipping), tangent_norm (before it is
    /// normalised; 0 where there is none), and what else the objective logs.
    /// </summary>
    public IReadOnlyDictionary<string, double> Means { get; init; } = new Dictionary<string, double>();

    /// <summary>Learning rate of the last step.</summary>
    public double LearningRate { get; init; }

    /// <summary>Steps skipped since the start because a loss or gradient was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>Images per second.</summary>
    public double ImagesPerSecond { get; init; }

    /// <summary>Mean loss, with the weighting; NaN if it is not among the means.</summary>
    public double Loss => Means.TryGetValue("loss", out double loss) ? loss : double.NaN;
}
