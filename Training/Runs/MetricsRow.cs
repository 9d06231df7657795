using CsvHelper.Configuration.Attributes;

namespace TrigFlowNative.Training.Runs;

/// <summary>One line of metrics.csv: means over the steps since the line before.</summary>
public sealed record MetricsRow
{
    /// <summary>Steps done, from the start of the run.</summary>
    [Name("step")]
    public long Step { get; init; }

    /// <summary>Objective: trigflow, sct or scd.</summary>
    [Name("objective")]
    public string Objective { get; init; } = "";

    /// <summary>Thousands of training images seen.</summary>
    [Name("kimg")]
    public double KImg { get; init; }

    /// <summary>Mean loss, with the adaptive weighting.</summary>
    [Name("loss")]
    public double Loss { get; init; }

    /// <summary>Mean squared error of an element, without the weighting.</summary>
    [Name("error")]
    public double Error { get; init; }

    /// <summary>Mean L2 norm of the gradient before clipping.</summary>
    [Name("gradient_norm")]
    public double GradientNorm { get; init; }

    /// <summary>Mean L2 norm per sample of the tangent before it is normalised; 0 for diffusion training.</summary>
    [Name("tangent_norm")]
    public double TangentNorm { get; init; }

    /// <summary>Learning rate of the last step.</summary>
    [Name("learning_rate")]
    public double LearningRate { get; init; }

    /// <summary>Steps skipped since the start because a loss or gradient was not finite.</summary>
    [Name("skipped")]
    public long Skipped { get; init; }

    /// <summary>Images per second.</summary>
    [Name("images_per_second")]
    public double ImagesPerSecond { get; init; }
}
