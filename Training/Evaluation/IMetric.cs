using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>A measure of generated images against real ones. A metric keeps no state: the same images give the same values.</summary>
public interface IMetric
{
    /// <summary>Compares two sets of images of one size; the first of the larger set are taken if they differ in number.</summary>
    /// <param name="reference">Real images.</param>
    /// <param name="images">The images to judge.</param>
    /// <returns>The values by name, the one that tables show first.</returns>
    /// <exception cref="ArgumentException">The sets differ in image size, or one of them holds too few images for this metric.</exception>
    IReadOnlyList<MetricValue> Measure(ByteImages reference, ByteImages images);
}

/// <summary>One value that a metric reports.</summary>
/// <param name="Name">Its name within the metric, in lower case.</param>
/// <param name="Value">The value, in the unit that the metric documents.</param>
public readonly record struct MetricValue(string Name, double Value);
