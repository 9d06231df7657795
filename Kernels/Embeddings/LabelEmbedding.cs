using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y[n, k] = sqrt(L) weight[k, label[n]] + bias[k]: a linear layer over one-hot labels times sqrt(L), as in EDM,
/// which gives the layer's input a mean square of 1.
/// </summary>
/// <remarks>
/// Backward: dweight[k, l] += sqrt(L) sum of dy[n, k] over all n with label l, in order of n; dbias[k] += sum of dy[n, k].
/// Labels are constants, so the output never carries a tangent.
/// </remarks>
public static partial class LabelEmbedding
{
    private const string Name = "label-embedding";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="labels">Int32 (N), each in [0, L). Any other value, such as -1, means no label: y[n] is then the bias alone.</param>
    /// <param name="weight">Weight (K, L), fp32.</param>
    /// <param name="bias">Bias (K), fp32; null for 0.</param>
    /// <returns>Embeddings (N, K), without tangent.</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or an input carries a tangent or is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor labels, Tensor weight, Tensor? bias)
    {
        Expect.Float32(Name, weight, bias);
        Expect.NoTangent(Name, labels, weight, bias);
        if (labels.Type != DType.Int32 || labels.Shape.Rank != 1)
            throw new ArgumentException($"{Name}: labels are {labels}, not (N) Int32");
        if (weight.Shape.Rank != 2 || (bias is not null && bias.Shape != new Shape(weight.Shape.N)))
            throw new ArgumentException($"{Name}: weight is {weight} and bias is {bias}, not (K, L) and (K)");

        Tensor y = program.Allocate(new Shape(labels.Shape.N, weight.Shape.N));
        program.Emit(
            $"{Name}.forward", [labels, weight, bias], [y],
            cpu => ForwardCpu(cpu, labels, weight, bias, y), gpu => ForwardGpu(gpu, labels, weight, bias, y));
        program.Tape?.Record(y, [weight, bias], () => Backward(program, labels, weight, bias, y));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor labels, Tensor weight, Tensor? bias, Tensor y)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, weight) is { } dWeight)
        {
            program.Emit(
                $"{Name}.backward-weight", [labels, dy, dWeight.ReadTensor], [dWeight.Tensor],
                cpu => BackwardWeightCpu(cpu, labels, dy, dWeight), gpu => BackwardWeightGpu(gpu, labels, dy, dWeight));
        }

        if (bias is not null && program.Tape.Slot(program, bias) is { } dBias)
        {
            program.Emit(
                $"{Name}.backward-bias", [dy, dBias.ReadTensor], [dBias.Tensor],
                _ => BackwardBiasCpu(dy, dBias), gpu => BackwardBiasGpu(gpu, dy, dBias));
        }
    }

    private static float Scale(Tensor weight) => (float)Math.Sqrt(weight.Shape.C);
}
