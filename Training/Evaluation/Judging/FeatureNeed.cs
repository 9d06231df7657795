namespace TrigFlowNative.Training.Evaluation;

/// <summary>What is kept of a kind of features: moments, which stay small, or all rows as well.</summary>
internal enum FeatureNeed
{
    /// <summary>Nothing; the kind is not computed.</summary>
    None,

    /// <summary>Mean and covariance.</summary>
    Moments,

    /// <summary>All rows, from which moments follow.</summary>
    Rows,
}
