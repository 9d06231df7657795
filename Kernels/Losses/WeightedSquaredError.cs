using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// loss(n) = e^w(n) error(n) - w(n) with error(n) = ||f(n) - target(n)||^2 / D: a squared error per sample whose weight is
/// learned (arXiv:2410.11081, Algorithm 1). The loss is least at w = -ln error, where every time counts alike.
/// </summary>
/// <remarks>
/// D is the number of elements of a sample. The target is a constant. Backward: df += dloss 2 e^w (f - target) / D and
/// dw += dloss (e^w error - 1). No tangent: nothing differentiates a loss forward. Sums in float64.
/// </remarks>
public static partial class WeightedSquaredError
{
    private const string Name = "weighted-squared-error";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="f">Predictions (N, ...), without tangent: pass the primal of a dual tensor.</param>
    /// <param name="target">Targets of f's shape; no gradient flows to them.</param>
    /// <param name="w">Logarithms of the weights (N).</param>
    /// <param name="error">The unweighted mean squared error of each sample (N), for statistics; not differentiable.</param>
    /// <returns>The loss of each sample (N).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or an input carries a tangent, or a gradient of the target is wanted.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor f, Tensor target, Tensor w, out Tensor error)
    {
        Expect.Float32(Name, f, target, w);
        Expect.NoTangent(Name, f, target, w);
        Expect.NoGradient(Name, program, target);
        if (f.Shape != target.Shape || w.Shape != new Shape(f.Shape.N))
            throw new ArgumentException($"{Name}: f {f}, target {target} and w {w} do not fit; (N, ...) twice and (N) are needed");
        Tensor loss = program.Allocate(w.Shape);
        Tensor meanSquare = error = program.Allocate(w.Shape);
        program.Emit(
            $"{Name}.forward", [f, target, w], [loss, meanSquare],
            cpu => ForwardCpu(cpu, f, target, w, loss, meanSquare), gpu => ForwardGpu(gpu, f, target, w, loss, meanSquare));
        program.Tape?.Record(loss, [f, w], () => Backward(program, f, target, w, loss, meanSquare));
        return loss;
    }

    private static void Backward(ComputeProgram program, Tensor f, Tensor target, Tensor w, Tensor loss, Tensor error)
    {
        Tensor dloss = program.Tape!.Cotangent(loss);
        if (program.Tape.Slot(program, f) is { } df)
        {
            program.Emit(
                $"{Name}.backward-f", [f, target, w, dloss, df.ReadTensor], [df.Tensor],
                cpu => BackwardCpu(cpu, f, target, w, dloss, df), gpu => BackwardGpu(gpu, f, target, w, dloss, df));
        }

        if (program.Tape.Slot(program, w) is { } dw)
        {
            program.Emit(
                $"{Name}.backward-w", [w, error, dloss, dw.ReadTensor], [dw.Tensor],
                _ => BackwardWeightCpu(w, error, dloss, dw), gpu => BackwardWeightGpu(gpu, w, error, dloss, dw));
        }
    }
}
