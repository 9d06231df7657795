using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take lines of the output, and vectors run along the channels of a pixel.</summary>
public static partial class Pool2d
{
    private static void ForwardCpu(CpuDevice cpu, Tensor x, PoolKind kind, Window2d window, Tensor y, int first)
    {
        (int h, int w, int c, int outH, int outW) = (x.Shape.H, x.Shape.W, x.Shape.C, y.Shape.H, y.Shape.W);
        cpu.For(y.Shape.N * outH, item =>
        {
            int image = item / outH, top = item % outH * window.Stride - window.Top;
            int firstLine = Math.Max(top, 0), bottom = Math.Min(top + window.Height, h);
            ReadOnlySpan<float> source = x.Span.Slice(image * h * w * c, h * w * c);
            for (int j = 0; j < outW; j++)
            {
                int left = j * window.Stride - window.Left, firstColumn = Math.Max(left, 0), right = Math.Min(left + window.Width, w);
                Span<float> target = y.Span.Slice((item * outW + j) * y.Shape.C + first, c);
                source.Slice((firstLine * w + firstColumn) * c, c).CopyTo(target);
                for (int line = firstLine; line < bottom; line++)
                {
                    for (int column = line == firstLine ? firstColumn + 1 : firstColumn; column < right; column++)
                    {
                        ReadOnlySpan<float> pixel = source.Slice((line * w + column) * c, c);
                        if (kind == PoolKind.Max)
                            TensorPrimitives.Max(target, pixel, target);
                        else
                            TensorPrimitives.Add(target, pixel, target);
                    }
                }

                if (kind == PoolKind.Average)
                    TensorPrimitives.Multiply(target, 1f / ((bottom - firstLine) * (right - firstColumn)), target);
            }
        });
    }
}
