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
        "conv2d.forward" or "linear.forward" => RecordedProduct.Of(step).Sum(product => product.Flops),
        "conv2d.backward.x" or "linear.backward.x" => InputGradient(step.Reads[0], step.Reads[1], step.Writes[0]),
        "conv2d.backward.weight" or "linear.backward.weight" => 2.0 * Rows(step.Reads[0]) * step.Writes[0].Count,
        "matmul.forward" or "matmul.tangent" => MatMul(step.Reads[0], step.Reads[1].Shape.C) * (1 + step.Reads.Count(factor => factor.HasTangent)),
        "matmul.backward.a" => MatMul(step.Reads[0], step.Reads[1].Shape[0]),
        "matmul.backward.b" => MatMul(step.Reads[0], step.Reads[1].Shape.C),
        "attention.forward" => Attention(step.Writes[0], 2),
        "attention.tangent" => Attention(step.Writes[0].Primal, 6),
        "attention.backward" => Attention(step.Reads[1], 5),
        _ => 0,
    };

    /// <summary>Pixels, a tangent's too.</summary>
    private static long Rows(Tensor images) => images.StoredCount / images.Shape.C;

    /// <summary>Where two sources were read, each has a step of its own with its share of the weight's channels.</summary>
    private static double InputGradient(Tensor dy, Tensor weight, Tensor dx) => 2.0 * Rows(dy) * weight.Count * dx.Shape.C / weight.Shape.C;

    private static double MatMul(Tensor matrix, int columns) => 2.0 * matrix.Count * columns;

    /// <summary>Products of length x length x channels, heads together.</summary>
    private static double Attention(Tensor y, int products) => products * 2.0 * y.Count * y.Shape.H * y.Shape.W;
}
