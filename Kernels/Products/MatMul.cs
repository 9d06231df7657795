using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y = a b, the matrix product; both factors are differentiable and may carry tangents.</summary>
/// <remarks>Tangent: ty = ta b + a tb. Backward: da = dy b^T, db = a^T dy.</remarks>
public static partial class MatMul
{
    /// <summary>Applies the op; the output carries a tangent if either factor does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">(M, K).</param>
    /// <param name="b">(K, N).</param>
    /// <returns>(M, N).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor b)
    {
        if (a.Shape.Rank != 2 || b.Shape.Rank != 2 || a.Shape[1] != b.Shape[0])
            throw new ArgumentException($"matmul: a {a}, b {b}; wanted (M, K), (K, N)");
        if (a.Type != DType.Float32 || b.Type != DType.Float32)
            throw new ArgumentException($"matmul: a {a}, b {b}; only Float32 is supported");
        Tensor y = program.Allocate(new Shape(a.Shape[0], b.Shape[1]), a.HasTangent || b.HasTangent);
        program.Emit(
            y.HasTangent ? "matmul.tangent" : "matmul.forward", [a, b], [y],
            cpu => ForwardCpu(cpu, a, b, y), gpu => ForwardGpu(gpu, a, b, y));
        program.Tape?.Record(y, [a, b], () => Backward(program, a.Primal, b.Primal, y.Primal));
        return y;
    }

    private static void Backward(ComputeProgram program, Tensor a, Tensor b, Tensor y)
    {
        Tensor dy = program.Tape!.Cotangent(y);
        if (program.Tape.Slot(program, a) is { } da)
        {
            program.Emit(
                "matmul.backward.a", [dy, b, da.ReadTensor], [da.Tensor],
                cpu => GradientACpu(cpu, dy, b, da), gpu => GradientAGpu(gpu, dy, b, da));
        }

        if (program.Tape.Slot(program, b) is { } db)
        {
            Tensor? partials = ImplicitGemm.Partials(program, Transposed(a, dy));
            program.Emit(
                "matmul.backward.b", [a, dy, db.ReadTensor], [db.Tensor, partials],
                cpu => GradientBCpu(cpu, a, dy, db), gpu => GradientBGpu(gpu, a, dy, partials!, db));
        }
    }
}
