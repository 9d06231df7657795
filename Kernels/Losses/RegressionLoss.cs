using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// loss[n] = e^w[n] distance[n] - w[n]: the distance of each sample from its target, with a learned log weight w (arXiv:2410.11081, Algorithm 1).
/// The loss is minimal at w = -ln distance, where all times t count alike.
/// </summary>
/// <remarks>
/// <see cref="LossKind"/> lists the distances; the target is a constant. Backward: df += dloss e^w s with the slope s = 2 d / D for Squared,
/// d / sqrt(||d||^2 + c^2) for Huber (0 if d and c are 0), sign(d) / D for Absolute; dw += dloss (e^w distance - 1). No tangent rule, since
/// nothing differentiates a loss in forward mode. Sums are in float64.
/// </remarks>
public static partial class RegressionLoss
{
    private const string Name = "regression-loss";

    /// <summary>Applies the op with the squared distance.</summary>
    /// <inheritdoc cref="Apply(ComputeProgram, Tensor, Tensor, Tensor, LossKind, float, out Tensor)"/>
    public static Tensor Apply(ComputeProgram program, Tensor f, Tensor target, Tensor w, out Tensor error) =>
        Apply(program, f, target, w, LossKind.Squared, 0, out error);

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="f">Predictions (N, ...), fp32, without tangent: pass the primal of a dual tensor.</param>
    /// <param name="target">Targets of f's shape; no gradient flows to them.</param>
    /// <param name="w">Log weights w (N), the negated logvar.</param>
    /// <param name="kind">Distance to compute.</param>
    /// <param name="constant">Constant c of <see cref="LossKind.Huber"/>, at least 0; other kinds ignore it.</param>
    /// <param name="error">Unweighted mean squared error ||d||^2 / D of each sample (N), for statistics; not differentiable.</param>
    /// <returns>The loss of each sample (N).</returns>
    /// <exception cref="ArgumentException">
    /// Shapes or types do not fit, an input carries a tangent or is on another device, the target needs a gradient, the kind is unknown, or the
    /// constant is negative or not finite.
    /// </exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor f, Tensor target, Tensor w, LossKind kind, float constant, out Tensor error)
    {
        Expect.Float32(Name, f, target, w);
        Expect.NoTangent(Name, f, target, w);
        Expect.NoGradient(Name, program, target);
        if (f.Shape != target.Shape || w.Shape != new Shape(f.Shape.N))
            throw new ArgumentException($"{Name}: f {f}, target {target} and w {w} do not fit: f and target share a shape (N, ...), w is (N)");
        if (!(constant is >= 0 and < float.PositiveInfinity) || !Enum.IsDefined(kind))
            throw new ArgumentException($"{Name}: the kind {kind} must be known, the constant {constant} finite and at least 0");
        Tensor loss = program.Allocate(w.Shape), meanSquare = program.Allocate(w.Shape);
        Tensor distance = kind == LossKind.Squared ? meanSquare : program.Allocate(w.Shape);
        var terms = new Terms(f, target, w, kind, constant, loss, meanSquare, distance);
        program.Emit($"{Name}.forward", [f, target, w], [loss, meanSquare, distance], cpu => ForwardCpu(cpu, terms), gpu => ForwardGpu(gpu, terms));
        program.Tape?.Record(loss, [f, w], () => Backward(program, terms));
        error = meanSquare;
        return loss;
    }

    private static void Backward(ComputeProgram program, Terms terms)
    {
        Tensor dloss = program.Tape!.Cotangent(terms.Loss);
        if (program.Tape.Slot(program, terms.F) is { } df)
        {
            program.Emit(
                $"{Name}.backward-f", [terms.F, terms.Target, terms.W, terms.Error, dloss, df.ReadTensor], [df.Tensor],
                cpu => BackwardCpu(cpu, terms, dloss, df), gpu => BackwardGpu(gpu, terms, dloss, df));
        }

        if (program.Tape.Slot(program, terms.W) is { } dw)
        {
            program.Emit(
                $"{Name}.backward-w", [terms.W, terms.Distance, dloss, dw.ReadTensor], [dw.Tensor],
                _ => BackwardWeightCpu(terms, dloss, dw), gpu => BackwardWeightGpu(gpu, terms, dloss, dw));
        }
    }

    /// <summary>Tensors and options of the op.</summary>
    private sealed record Terms(Tensor F, Tensor Target, Tensor W, LossKind Kind, float Constant, Tensor Loss, Tensor Error, Tensor Distance)
    {
        /// <summary>Number D of elements of a sample.</summary>
        public int Size => F.Count / F.Shape.N;
    }
}
