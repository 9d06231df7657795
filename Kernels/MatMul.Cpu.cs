using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The tangent ta b + a tb is one product over the stacked rows [a; ta] and a second one added to its lower half.</summary>
public static unsafe partial class MatMul
{
    internal static void ForwardCpu(CpuDevice cpu, Tensor a, Tensor b, Tensor y)
    {
        int m = a.Shape.N, k = a.Shape.C, n = b.Shape.C;
        float* pa = a.Pointer, pb = b.Pointer, py = y.Pointer;
        Product(cpu, pa, a.HasTangent ? 2 * m : m, k, pb, n, py, add: false, primalRows: m);
        if (b.HasTangent)
            Product(cpu, pa, m, k, pb + (nint)k * n, n, py + (nint)m * n, add: a.HasTangent, primalRows: m);
    }

    internal static void GradientACpu(CpuDevice cpu, Tensor dy, Tensor b, GradientSlot da)
    {
        int m = dy.Shape.N, n = dy.Shape.C, k = b.Shape.N;
        int padded = HostGemm.Widest.Panels(k) * HostGemm.Widest.PanelColumns;
        float* zeros = HostScratch.OfCall(padded + (long)padded * n), panels = zeros + padded;
        new Span<float>(zeros, padded).Clear();
        HostMatrix.PackColumns(cpu, b.Pointer, n, k, panels);
        float* start = da.Accumulate ? null : zeros;
        HostMatrix.Multiply(cpu, dy.Pointer, m, n, panels, k, da.Tensor.Pointer, start, start, m);
    }

    internal static void GradientBCpu(CpuDevice cpu, Tensor a, Tensor dy, GradientSlot db)
    {
        int m = a.Shape.N;
        HostMatrix.Gradient(
            cpu, a.Pointer, m, a.Shape.C, new ImagePatches(dy.Pointer, 1, m, dy.Shape.C, 1), db.Tensor.Pointer, db.Accumulate);
    }

    private static void Product(CpuDevice cpu, float* a, int rows, int depth, float* b, int columns, float* y, bool add, int primalRows)
    {
        int padded = HostGemm.Widest.Panels(columns) * HostGemm.Widest.PanelColumns;
        float* zeros = HostScratch.OfCall(padded + (long)padded * depth), panels = zeros + padded;
        new Span<float>(zeros, padded).Clear();
        HostMatrix.PackRows(cpu, b, depth, columns, panels);
        float* start = add ? null : zeros;
        HostMatrix.Multiply(cpu, a, rows, depth, panels, columns, y, start, start, primalRows);
    }
}
