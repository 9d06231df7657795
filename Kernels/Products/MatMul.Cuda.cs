using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The three products are those of <see cref="Linear"/>: a b is its dx, dy b^T its y, a^T dy its dWeight.</summary>
public static partial class MatMul
{
    private static Action ForwardGpu(GpuDevice gpu, Tensor a, Tensor b, Tensor y)
    {
        if (!b.HasTangent)
            return Product(gpu, a, b, y, 0);
        Action primal = Product(gpu, a.Primal, b.Primal, y.Primal, 0);
        Action ofB = Product(gpu, a.Primal, b.Tangent, y.Tangent, 0);
        Action? ofA = a.HasTangent ? Product(gpu, a.Tangent, b.Primal, y.Tangent, 1) : null;
        return () =>
        {
            primal();
            ofB();
            ofA?.Invoke();
        };
    }

    private static Action GradientAGpu(GpuDevice gpu, Tensor dy, Tensor b, GradientSlot da) =>
        ImplicitGemm.Forward(gpu, ConvExtents.Rows(dy.Shape[0], b.Shape[1], b.Shape[0]), dy, b, null, da.Tensor, 0, da.Add);

    private static Action GradientBGpu(GpuDevice gpu, Tensor a, Tensor dy, Tensor partials, GradientSlot db) =>
        ImplicitGemm.WeightGradient(gpu, Transposed(a, dy), dy, a, partials, db);

    /// <summary>Computes y, or one part of its tangent, from a and its tangent if it has one.</summary>
    private static Action Product(GpuDevice gpu, Tensor a, Tensor b, Tensor y, int add) =>
        ImplicitGemm.InputGradient(gpu, ConvExtents.Rows(a.StoredCount / a.Shape.C, b.Shape[1], b.Shape[0]), a, b, y, add);

    /// <summary>Extents of a^T dy, which sums over the rows of both.</summary>
    private static ConvExtents Transposed(Tensor a, Tensor dy) => ConvExtents.Rows(a.Shape[0], dy.Shape[1], a.Shape[1]);
}
