using System.Numerics.Tensors;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, a work item is a piece of whole runs.</summary>
public static partial class MagnitudeNorm
{
    private const int Grain = 16384;

    private static void ForwardCpu(CpuDevice cpu, Extents e, Tensor x, Outputs outputs) => ForRuns(cpu, e, (at, logistic) =>
    {
        Tensor? activated = outputs.Activated;
        ReadOnlySpan<float> source = x.Span.Slice(at, e.Run);
        Span<float> target = outputs.Y is { } y ? y.Span.Slice(at, e.Run) : new float[e.Run];
        MagnitudeScale of = e.Of(TensorPrimitives.SumOfSquares(source) / e.Run);
        TensorPrimitives.Multiply(source, of.R, target);
        if (activated is not null)
        {
            TensorPrimitives.Sigmoid(target, logistic);
            Span<float> value = activated.Span.Slice(at, e.Run);
            TensorPrimitives.Multiply(target, logistic, value);
            TensorPrimitives.Multiply(value, e.Gain, value);
        }

        if (e.Tangent == 0)
            return;
        int tangentAt = at + e.TangentOffset;
        Span<float> tangent = outputs.Y!.Span.Slice(tangentAt, e.Run);
        Derive(of, source, x.Span.Slice(tangentAt, e.Run), tangent);
        if (activated is null)
            return;
        Span<float> activatedTangent = activated.Span.Slice(tangentAt, e.Run);
        for (int i = 0; i < e.Run; i++)
            activatedTangent[i] = e.Gain * DeviceMath.SiluSlope(target[i], logistic[i]) * tangent[i];
    });

    private static void BackwardCpu(CpuDevice cpu, Extents e, Tensor x, Gradients gradients) => ForRuns(cpu, e, (at, g) =>
    {
        ReadOnlySpan<float> source = x.Span.Slice(at, e.Run);
        MagnitudeScale of = e.Of(TensorPrimitives.SumOfSquares(source) / e.Run);
        g.Clear();
        if (gradients.Activated is { } ds)
        {
            ReadOnlySpan<float> cotangent = ds.Span.Slice(at, e.Run);
            TensorPrimitives.Multiply(source, of.R, g);
            for (int i = 0; i < e.Run; i++)
                g[i] = e.Gain * DeviceMath.SiluSlope(g[i], 1f / (1f + MathF.Exp(-g[i]))) * cotangent[i];
        }

        if (gradients.Dy is { } dy)
            TensorPrimitives.MultiplyAdd(dy.Span.Slice(at, e.Run), gradients.Factor, g, g);
        Span<float> target = gradients.X.Tensor.Span.Slice(at, e.Run);
        if (!gradients.X.Accumulate)
        {
            Derive(of, source, g, target);
            return;
        }

        Derive(of, source, g, g);
        TensorPrimitives.Add(target, g, target);
    });

    /// <summary>The derivative of the norm along a direction, which may be the target.</summary>
    private static void Derive(MagnitudeScale of, ReadOnlySpan<float> x, ReadOnlySpan<float> direction, Span<float> target)
    {
        float projection = of.Weight * (TensorPrimitives.Dot(x, direction) / x.Length);
        TensorPrimitives.Multiply(direction, of.R, target);
        TensorPrimitives.MultiplyAdd(x, -projection, target, target);
    }

    /// <summary>Calls the body with the first element of each run, and scratch of its length.</summary>
    private static void ForRuns(CpuDevice cpu, Extents e, RunBody body) =>
        cpu.For((long)e.Rows, Math.Max(1, Grain / e.Run), (start, end) =>
        {
            float[] scratch = new float[e.Run];
            for (int row = (int)start; row < end; row++)
                body(row * e.Run, scratch);
        });

    private delegate void RunBody(int at, Span<float> scratch);
}
