using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take samples. Each reads a strided column of the weight, so only the bias is vectorised.</summary>
public static partial class LabelEmbedding
{
    private const int Block = 4096;

    private static void ForwardCpu(CpuDevice cpu, Tensor labels, Tensor weight, Tensor? bias, Tensor y)
    {
        int width = y.Shape.C, classes = weight.Shape.C;
        float scale = Scale(weight);
        cpu.For(y.Shape.N, Math.Max(1, Block / width), (start, end) =>
        {
            ReadOnlySpan<float> weights = weight.Span;
            for (int n = (int)start; n < end; n++)
            {
                Span<float> row = y.Span.Slice(n * width, width);
                if (bias is null)
                    row.Clear();
                else
                    bias.Span.CopyTo(row);
                int label = labels.SpanOf<int>()[n];
                if (label < 0 || label >= classes)
                    continue;
                for (int k = 0; k < width; k++)
                    row[k] += scale * weights[k * classes + label];
            }
        });
    }

    private static void BackwardWeightCpu(CpuDevice cpu, Tensor labels, Tensor dy, GradientSlot dWeight)
    {
        int width = dy.Shape.C, classes = dWeight.Tensor.Shape.C;
        float scale = Scale(dWeight.Tensor);
        cpu.For(width, Math.Max(1, Block / dy.Shape.N), (start, end) =>
        {
            ReadOnlySpan<int> label = labels.SpanOf<int>();
            ReadOnlySpan<float> cotangents = dy.Span;
            for (int k = (int)start; k < end; k++)
            {
                Span<float> row = dWeight.Tensor.Span.Slice(k * classes, classes);
                if (!dWeight.Accumulate)
                    row.Clear();
                for (int n = 0; n < label.Length; n++)
                    if (label[n] >= 0 && label[n] < classes)
                        row[label[n]] += scale * cotangents[n * width + k];
            }
        });
    }

    private static void BackwardBiasCpu(Tensor dy, GradientSlot dBias)
    {
        Span<float> target = dBias.Tensor.Span;
        if (!dBias.Accumulate)
            target.Clear();
        for (int n = 0; n < dy.Shape.N; n++)
            TensorPrimitives.Add(target, dy.Span.Slice(n * target.Length, target.Length), target);
    }
}
