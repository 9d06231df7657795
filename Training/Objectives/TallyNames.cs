namespace TrigFlowNative.Training.Objectives;

/// <summary>Names of the tallies of every training.</summary>
public static class TallyNames
{
    /// <summary>Mean loss per sample, which the training step tallies itself.</summary>
    public const string Loss = "loss";

    /// <summary>Mean squared error per element, for an objective to tally; <see cref="Regression"/> does.</summary>
    public const string Error = "error";

    /// <summary>Mean norm of the gradient before clipping, which the training step tallies itself.</summary>
    public const string GradientNorm = "gradient_norm";

    /// <summary>Mean number of gradient elements taken as 0 because they were not finite, which the training step tallies itself if it does so.</summary>
    public const string ZeroedElements = "zeroed_elements";

    /// <summary>Mean norm of a sample's tangent before normalisation, for an objective with a tangent to tally.</summary>
    public const string TangentNorm = "tangent_norm";
}
