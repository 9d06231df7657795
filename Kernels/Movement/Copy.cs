using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Copies between tensors: results out of a program into persistent tensors, primal and tangent into one dual tensor.</summary>
/// <remarks>Linear. Backward of <see cref="Join"/>: dx += dy; the tangent is a constant.</remarks>
public static partial class Copy
{
    /// <summary>Copies the stored elements of one tensor over another's.</summary>
    /// <exception cref="ArgumentException">Types or counts of stored elements differ.</exception>
    public static void Into(ComputeProgram program, Tensor source, Tensor target)
    {
        if (source.Type != target.Type || source.StoredCount != target.StoredCount)
            throw new ArgumentException($"copy: {source} does not fit {target}");
        program.Emit("copy.forward", [source], [target], _ => IntoCpu(source, target), gpu => IntoGpu(gpu, source, target));
    }

    /// <summary>Copies a tensor into a new transient one, together with a tangent if one is given.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">The primal, any shape, without tangent.</param>
    /// <param name="tx">The tangent, of x's shape, or null.</param>
    /// <returns>A tensor of x's shape, dual if tx is given.</returns>
    /// <exception cref="ArgumentException">x is dual already, or shapes or types differ.</exception>
    public static Tensor Join(ComputeProgram program, Tensor x, Tensor? tx)
    {
        if (x.HasTangent || tx is { HasTangent: true } || (tx is not null && (tx.Shape != x.Shape || tx.Type != x.Type)))
            throw new ArgumentException($"copy: cannot join {x} and {tx}");
        Tensor y = program.Allocate(x.Shape, tx is not null, x.Type);
        Into(program, x, y.Primal);
        if (tx is not null)
            Into(program, tx, y.Tangent);
        program.Tape?.Record(y, [x], () => Backward(program, x, y.Primal));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor x, Tensor y)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, x) is not { } dx)
            return;
        Expect.Activations("copy", dy, dx.Tensor);
        program.Emit("copy.backward", [dy, dx.ReadTensor], [dx.Tensor], _ => BackwardCpu(dy, dx), gpu => BackwardGpu(gpu, dy, dx));
    }
}
