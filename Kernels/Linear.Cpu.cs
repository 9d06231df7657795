using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Three matrix products on all threads; rows are whatever stands before the last axis.</summary>
public static unsafe partial class Linear
{
    internal static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        int c = x.Shape.C, k = y.Shape.C, rows = x.Count / c;
        int padded = HostGemm.Widest.Panels(k) * HostGemm.Widest.PanelColumns;
        float* start = HostScratch.OfCall(2 * padded + (long)padded * c), zeros = start + padded, panels = zeros + padded;
        new Span<float>(start, 2 * padded).Clear();
        bias?.Span.CopyTo(new Span<float>(start, k));
        HostMatrix.PackColumns(cpu, weight.Pointer, c, k, panels);
        HostMatrix.Multiply(cpu, x.Pointer, (int)(x.StoredCount / c), c, panels, k, y.Pointer, start, zeros, rows);
    }

    internal static void InputGradientCpu(CpuDevice cpu, Tensor dy, Tensor weight, GradientSlot dx)
    {
        int c = dx.Tensor.Shape.C, k = dy.Shape.C, rows = dy.Count / k;
        int padded = HostGemm.Widest.Panels(c) * HostGemm.Widest.PanelColumns;
        float* zeros = HostScratch.OfCall(padded + (long)padded * k), panels = zeros + padded;
        new Span<float>(zeros, padded).Clear();
        HostMatrix.PackRows(cpu, weight.Pointer, k, c, panels);
        float* start = dx.Accumulate ? null : zeros;
        HostMatrix.Multiply(cpu, dy.Pointer, rows, k, panels, c, dx.Tensor.Pointer, start, start, rows);
    }

    internal static void WeightGradientCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dWeight)
    {
        int c = x.Shape.C, rows = x.Count / c;
        HostMatrix.Gradient(
            cpu, dy.Pointer, rows, dy.Shape.C, new ImagePatches(x.Pointer, 1, rows, c, 1), dWeight.Tensor.Pointer, dWeight.Accumulate);
    }

    internal static void BiasGradientCpu(CpuDevice cpu, Tensor dy, GradientSlot dBias) =>
        HostMatrix.SumRows(cpu, dy.Pointer, dy.Count / dy.Shape.C, dy.Shape.C, dBias.Tensor.Pointer, dBias.Accumulate);
}
