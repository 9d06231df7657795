using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>The minimum cost of a recorded step, computed from the name of its op and the tensors that it declares.</summary>
/// <param name="Flops">Floating-point operations of products; 0 for all other ops, whose time is bound by memory.</param>
/// <param name="Bytes">Bytes moved if each tensor is read once or written once.</param>
internal readonly record struct OpCost(double Flops, double Bytes)
{
    /// <summary>The cost of a step.</summary>
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

    /// <summary>Pixels of images, including those of a tangent.</summary>
    private static long Rows(Tensor images) => images.StoredCount / images.Shape.C;

    /// <summary>Operations of an input gradient. Each of two sources has a step of its own, which multiplies by its share of the weight's channels.</summary>
    private static double InputGradient(Tensor dy, Tensor weight, Tensor dx) => 2.0 * Rows(dy) * weight.Count * dx.Shape.C / weight.Shape.C;

    private static double MatMul(Tensor matrix, int columns) => 2.0 * matrix.Count * columns;

    /// <summary>Operations of products of length x length x channels, with the channels of all heads.</summary>
    private static double Attention(Tensor y, int products) => products * 2.0 * y.Count * y.Shape.H * y.Shape.W;
}
