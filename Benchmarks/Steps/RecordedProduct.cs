using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>A product within a recorded convolution or linear layer: a weight, and the number of rows that are multiplied by it.</summary>
/// <param name="Weight">(K, R, R, C): K output channels, R x R taps (1 x 1 for a linear layer), C input channels, of one source or of two together.</param>
/// <param name="Rows">Pixels of images or rows of a matrix, including those of a tangent.</param>
internal readonly record struct RecordedProduct(Tensor Weight, long Rows)
{
    /// <summary>Floating-point operations, two for each multiply-add.</summary>
    public double Flops => 2.0 * Rows * Weight.Count;

    /// <summary>Returns the products of a forward step of a convolution or linear layer: its own and, if the step also computes a projection shortcut, that one.</summary>
    /// <exception cref="ArgumentException">The step reads no weight.</exception>
    public static IReadOnlyList<RecordedProduct> Of(ProgramStep step)
    {
        Tensor y = step.Writes[0];
        var products = new List<RecordedProduct>();
        int channels = 0; // channels of the sources since the last weight
        for (int i = 0; i < step.Reads.Count; i++)
        {
            Tensor tensor = step.Reads[i];
            if (tensor.Shape.Rank != 4)
                continue;
            // A second source with as many images as y has channels looks like a weight of 1x1 taps; the weight of both sources then follows.
            if (IsWeight(tensor, channels, y) && !(i + 1 < step.Reads.Count && IsWeight(step.Reads[i + 1], channels + tensor.Shape.C, y)))
            {
                products.Add(new RecordedProduct(tensor, y.StoredCount / y.Shape.C));
                channels = 0;
            }
            else
            {
                channels += tensor.Shape.C;
            }
        }

        return products.Count > 0 ? products : throw new ArgumentException($"{step}: reads no weight");
    }

    private static bool IsWeight(Tensor tensor, int channels, Tensor y) =>
        tensor.Shape is { Rank: 4 } shape && shape.C == channels && shape[0] == y.Shape.C && shape[1] == shape[2] && shape[1] is 1 or 3;
}
