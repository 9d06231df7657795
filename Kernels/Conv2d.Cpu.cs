using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>One item per row of pixels, or per output channel for the weight gradient; the innermost loops run over channels.</summary>
public static partial class Conv2d
{
    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        (int height, int width, int c, int k, int size) = (x.Shape.H, x.Shape.W, x.Shape.C, weight.Shape[0], weight.Shape[1]);
        cpu.For(x.StoredN * height, row =>
        {
            ReadOnlySpan<float> xs = x.Span, ws = weight.Span;
            int h = row % height;
            for (int w = 0; w < width; w++)
            {
                Span<float> target = y.Span.Slice((row * width + w) * k, k);
                if (bias is not null && row < x.Shape.N * height)
                    bias.Span.CopyTo(target);
                else
                    target.Clear();
                for (int tap = 0; tap < size * size; tap++)
                {
                    (int dh, int dw) = (tap / size - size / 2, tap % size - size / 2);
                    if ((uint)(h + dh) >= (uint)height || (uint)(w + dw) >= (uint)width)
                        continue;
                    ReadOnlySpan<float> source = xs.Slice(((row + dh) * width + w + dw) * c, c);
                    for (int j = 0; j < k; j++)
                        target[j] += TensorPrimitives.Dot(source, ws.Slice((j * size * size + tap) * c, c));
                }
            }
        });
    }

    private static void InputGradientCpu(CpuDevice cpu, Tensor dy, Tensor weight, GradientSlot dx)
    {
        (int height, int width, int c, int k, int size) = (dy.Shape.H, dy.Shape.W, weight.Shape.C, weight.Shape[0], weight.Shape[1]);
        cpu.For(dy.Shape.N * height, row =>
        {
            ReadOnlySpan<float> dys = dy.Span, ws = weight.Span;
            int h = row % height;
            for (int w = 0; w < width; w++)
            {
                Span<float> target = dx.Tensor.Span.Slice((row * width + w) * c, c);
                if (!dx.Accumulate)
                    target.Clear();
                for (int tap = 0; tap < size * size; tap++)
                {
                    (int dh, int dw) = (size / 2 - tap / size, size / 2 - tap % size);
                    if ((uint)(h + dh) >= (uint)height || (uint)(w + dw) >= (uint)width)
                        continue;
                    ReadOnlySpan<float> source = dys.Slice(((row + dh) * width + w + dw) * k, k);
                    for (int j = 0; j < k; j++)
                        TensorPrimitives.MultiplyAdd(ws.Slice((j * size * size + tap) * c, c), source[j], target, target);
                }
            }
        });
    }

    private static void WeightGradientCpu(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dWeight)
    {
        (int height, int width, int c, int k, int size) = (x.Shape.H, x.Shape.W, x.Shape.C, dy.Shape.C, dWeight.Tensor.Shape[1]);
        cpu.For(k * size * size, index =>
        {
            ReadOnlySpan<float> xs = x.Span, dys = dy.Span;
            (int j, int tap) = (index / (size * size), index % (size * size));
            (int dh, int dw) = (tap / size - size / 2, tap % size - size / 2);
            Span<float> target = dWeight.Tensor.Span.Slice(index * c, c);
            if (!dWeight.Accumulate)
                target.Clear();
            for (int row = 0; row < x.Shape.N * height; row++)
            {
                if ((uint)(row % height + dh) >= (uint)height)
                    continue;
                for (int w = Math.Max(0, -dw); w < Math.Min(width, width - dw); w++)
                    TensorPrimitives.MultiplyAdd(
                        xs.Slice(((row + dh) * width + w + dw) * c, c), dys[(row * width + w) * k + j], target, target);
            }
        });
    }

    private static void BiasGradientCpu(CpuDevice cpu, Tensor dy, GradientSlot dBias)
    {
        int k = dy.Shape.C;
        cpu.For(k, j =>
        {
            ReadOnlySpan<float> dys = dy.Span;
            double sum = 0;
            for (int i = j; i < dys.Length; i += k)
                sum += dys[i];
            dBias.Tensor.Span[j] = (dBias.Accumulate ? dBias.Tensor.Span[j] : 0f) + (float)sum;
        });
    }
}
