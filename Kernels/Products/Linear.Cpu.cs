using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Three matrix products on all threads; rows are whatever stands before the last axis.</summary>
public static unsafe partial class Linear
{
    internal static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        int c = x.Shape.C;
        PackedB factor = PackedB.Take(c, y.Shape.C, bias).PackColumns(cpu, weight.Pointer);
        ThreadedGemm.Multiply(cpu, x.Pointer, (int)(x.StoredCount / c), factor, y.Pointer, add: false, x.Count / c);
    }

    internal static void InputGradientCpu(CpuDevice cpu, Tensor dy, Tensor weight, GradientSlot dx)
    {
        int k = dy.Shape.C, rows = dy.Count / k;
        PackedB factor = PackedB.Take(k, dx.Tensor.Shape.C).PackRows(cpu, weight.Pointer);
        ThreadedGemm.Multiply(cpu, dy.Pointer, rows, factor, dx.Tensor.Pointer, dx.Accumulate, rows);
    }

    internal static void WeightGradientCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dWeight)
    {
        int c = x.Shape.C, rows = x.Count / c;
        ThreadedGemm.Gradient(
            cpu, dy.Pointer, rows, dy.Shape.C, new ImagePatches(x.Pointer, 1, rows, c, 1), dWeight.Tensor.Pointer, dWeight.Accumulate);
    }

    internal static void BiasGradientCpu(CpuDevice cpu, Tensor dy, GradientSlot dBias) =>
        ThreadedGemm.SumRows(cpu, dy.Pointer, dy.Count / dy.Shape.C, dy.Shape.C, dBias.Tensor.Pointer, dBias.Accumulate);
}
