using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One item per row of the product; the innermost loops run along rows of b and y.</summary>
public static partial class MatMul
{
    private static void ForwardCpu(CpuDevice cpu, Tensor a, Tensor b, Tensor y)
    {
        Product(cpu, a.Primal, b.Primal, y.Primal, false);
        if (a.HasTangent)
            Product(cpu, a.Tangent, b.Primal, y.Tangent, false);
        if (b.HasTangent)
            Product(cpu, a.Primal, b.Tangent, y.Tangent, a.HasTangent);
    }

    private static void Product(CpuDevice cpu, Tensor a, Tensor b, Tensor y, bool add)
    {
        (int inner, int n) = (b.Shape[0], b.Shape[1]);
        cpu.For(a.Shape[0], row =>
        {
            Span<float> target = y.Span.Slice(row * n, n);
            if (!add)
                target.Clear();
            for (int j = 0; j < inner; j++)
                TensorPrimitives.MultiplyAdd(b.Span.Slice(j * n, n), a.Span[row * inner + j], target, target);
        });
    }

    private static void GradientACpu(CpuDevice cpu, Tensor dy, Tensor b, GradientSlot da)
    {
        (int inner, int n) = (b.Shape[0], b.Shape[1]);
        cpu.For(dy.Shape[0], row =>
        {
            Span<float> target = da.Tensor.Span.Slice(row * inner, inner);
            for (int j = 0; j < inner; j++)
                target[j] = (da.Accumulate ? target[j] : 0f) + TensorPrimitives.Dot<float>(dy.Span.Slice(row * n, n), b.Span.Slice(j * n, n));
        });
    }

    private static void GradientBCpu(CpuDevice cpu, Tensor a, Tensor dy, GradientSlot db)
    {
        (int rows, int inner, int n) = (a.Shape[0], a.Shape[1], dy.Shape[1]);
        cpu.For(inner, j =>
        {
            Span<float> target = db.Tensor.Span.Slice(j * n, n);
            if (!db.Accumulate)
                target.Clear();
            for (int row = 0; row < rows; row++)
                TensorPrimitives.MultiplyAdd(dy.Span.Slice(row * n, n), a.Span[row * inner + j], target, target);
        });
    }
}
