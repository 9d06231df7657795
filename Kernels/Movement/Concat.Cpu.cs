using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, each pixel takes two vector copies; threads take blocks of about <see cref="Block"/> elements.</summary>
public static partial class Concat
{
    private const int Block = 8192;

    private static int StoredPixels(Tensor x) => (int)(x.StoredCount / x.Shape.C);

    private static void ForwardCpu(CpuDevice cpu, Tensor a, Tensor b, Tensor y) =>
        cpu.For(StoredPixels(y), Math.Max(1, Block / y.Shape.C), (start, end) =>
        {
            CopyChannels(a, y, 0, (int)start, (int)end);
            CopyChannels(b, y, a.Shape.C, (int)start, (int)end);
        });

    private static void CopyChannels(Tensor x, Tensor y, int first, int start, int end)
    {
        int from = x.Shape.C, to = y.Shape.C;
        int present = Math.Clamp(StoredPixels(x), start, end);
        ReadOnlySpan<float> source = x.Span;
        Span<float> target = y.Span;
        for (int pixel = start; pixel < present; pixel++)
            source.Slice(pixel * from, from).CopyTo(target.Slice(pixel * to + first, from));
        for (int pixel = present; pixel < end; pixel++)
            target.Slice(pixel * to + first, from).Clear();
    }

    private static void BackwardCpu(CpuDevice cpu, Tensor dy, GradientSlot dx, int first)
    {
        int from = dy.Shape.C, to = dx.Tensor.Shape.C;
        cpu.For(StoredPixels(dy), Math.Max(1, Block / to), (start, end) =>
        {
            ReadOnlySpan<float> source = dy.Span;
            Span<float> target = dx.Tensor.Span;
            for (int pixel = (int)start; pixel < end; pixel++)
            {
                ReadOnlySpan<float> contribution = source.Slice(pixel * from + first, to);
                Span<float> gradient = target.Slice(pixel * to, to);
                if (dx.Accumulate)
                    TensorPrimitives.Add(gradient, contribution, gradient);
                else
                    contribution.CopyTo(gradient);
            }
        });
    }
}
