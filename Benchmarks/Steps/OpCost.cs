using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>What a recorded step must do at least, as its op's name and its declared tensors tell it.</summary>
/// <param name="Flops">Floating-point operations of products of matrices; 0 for all other ops, which memory decides.</param>
/// <param name="Bytes">Each tensor read once and each written once.</param>
internal readonly record struct OpCost(double Flops, double Bytes)
{
    public static OpCost Of(ProgramStep step) =>
        new(FlopsOf(step), step.Reads.Distinct().Sum(tensor => (double)tensor.ByteCount) + step.Writes.Distinct().Sum(tensor => (double)tensor.ByteCount));

    private static double FlopsOf(ProgramStep step) => step.Op switch
    {
        "conv2d.forward" or "linear.forward" => Product(step.Writes[0], step.Reads[1]),
        "conv2d.backward.x" or "linear.backward.x" => Product(step.Reads[0], step.Reads[1]),
        "conv2d.backward.weight" or "linear.backward.weight" => Product(step.Reads[1], step.Writes[0]),
        "attention.forward" => Attention(step.Writes[0], 2),
        "attention.tangent" => Attention(step.Writes[0].Primal, 6),
        "attention.backward" => Attention(step.Reads[1], 5),
        _ => 0,
    };

    /// <summary>Every number of a weight meets every row of the outputs.</summary>
    private static double Product(Tensor outputs, Tensor weight) => 2.0 * (outputs.StoredCount / outputs.Shape.C) * weight.Count;

    /// <summary>Products of length x length x channels, heads together.</summary>
    private static double Attention(Tensor y, int products) => products * 2.0 * y.Count * y.Shape.H * y.Shape.W;
}
