using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, a work item is a piece of whole rows, of about <see cref="Grain"/> elements.</summary>
public static partial class PixelNorm
{
    private const int Grain = 16384;

    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor y, Run[] runs, Epsilons added) => ForRuns(cpu, x, runs, (row, run) =>
    {
        int at = row * x.Shape.C + run.Column, to = run.At(row, x.StoredN);
        ReadOnlySpan<float> source = x.Span.Slice(at, run.Length);
        Span<float> target = y.Span.Slice(to, run.Length);
        Factors factors = FactorsOf(source, added);
        float r = factors.R;
        TensorPrimitives.Multiply(source, r, target);
        if (!x.HasTangent)
            return;
        ReadOnlySpan<float> tangent = x.Span.Slice(x.Count + at, run.Length);
        Span<float> tangentTarget = y.Span.Slice(x.Shape.N * run.Width + to, run.Length);
        float projection = TensorPrimitives.Dot(target, tangent) / run.Length;
        TensorPrimitives.Multiply(tangent, r, tangentTarget);
        TensorPrimitives.MultiplyAdd(target, -factors.OverRoot * projection, tangentTarget, tangentTarget);
    });

    private static void BackwardCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dx, Run[] runs, Epsilons added) => ForRuns(cpu, x, runs, (row, run) =>
    {
        int at = row * x.Shape.C + run.Column;
        ReadOnlySpan<float> source = x.Span.Slice(at, run.Length);
        Span<float> target = dx.Tensor.Span.Slice(at, run.Length);
        if (!dx.Accumulate)
            target.Clear();
        if (run.Width == 0)
            return;
        ReadOnlySpan<float> cotangent = dy.Span.Slice(run.At(row, x.Shape.N), run.Length);
        Factors factors = FactorsOf(source, added);
        float r = factors.R;
        float projection = r * TensorPrimitives.Dot(source, cotangent) / run.Length;
        TensorPrimitives.MultiplyAdd(cotangent, r, target, target);
        TensorPrimitives.MultiplyAdd(source, -r * factors.OverRoot * projection, target, target);
    });

    private static void ForRuns(CpuDevice cpu, Tensor x, Run[] runs, Action<int, Run> body) =>
        cpu.For((long)x.Shape.N, Math.Max(1, Grain / x.Shape.C), (start, end) =>
        {
            for (int row = (int)start; row < end; row++)
                foreach (Run run in runs)
                    body(row, run);
        });

    private static Factors FactorsOf(ReadOnlySpan<float> x, Epsilons added) => Factors.Of(TensorPrimitives.SumOfSquares(x) / x.Length, added);
}
