using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The tangent ta b + a tb is one product over the stacked rows [a; ta] and a second one added to its lower half.</summary>
public static unsafe partial class MatMul
{
    internal static void ForwardCpu(CpuDevice cpu, Tensor a, Tensor b, Tensor y)
    {
        int m = a.Shape.N, k = a.Shape.C, n = b.Shape.C;
        float* pa = a.Pointer, pb = b.Pointer, py = y.Pointer;
        ThreadedGemm.Multiply(cpu, pa, a.HasTangent ? 2 * m : m, PackedB.Take(k, n).PackRows(cpu, pb), py, add: false, m);
        if (b.HasTangent)
            ThreadedGemm.Multiply(cpu, pa, m, PackedB.Take(k, n).PackRows(cpu, pb + (nint)k * n), py + (nint)m * n, a.HasTangent, m);
    }

    internal static void GradientACpu(CpuDevice cpu, Tensor dy, Tensor b, GradientSlot da)
    {
        int m = dy.Shape.N;
        PackedB factor = PackedB.Take(dy.Shape.C, b.Shape.N).PackColumns(cpu, b.Pointer);
        ThreadedGemm.Multiply(cpu, dy.Pointer, m, factor, da.Tensor.Pointer, da.Accumulate, m);
    }

    internal static void GradientBCpu(CpuDevice cpu, Tensor a, Tensor dy, GradientSlot db)
    {
        int m = a.Shape.N;
        ThreadedGemm.Gradient(
            cpu, a.Pointer, m, a.Shape.C, new ImagePatches(dy.Pointer, 1, m, dy.Shape.C, 1), db.Tensor.Pointer, db.Accumulate);
    }
}
