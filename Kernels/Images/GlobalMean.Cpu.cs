using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take images, and vectors run along channels.</summary>
public static partial class GlobalMean
{
    private static void ForwardCpu(CpuDevice cpu, Tensor x, Tensor y) => cpu.For(x.Shape.N, image =>
    {
        int pixels = x.Shape.H * x.Shape.W, channels = x.Shape.C;
        ReadOnlySpan<float> source = x.Span.Slice(image * pixels * channels, pixels * channels);
        Span<float> sum = y.Span.Slice(image * channels, channels);
        sum.Clear();
        for (int pixel = 0; pixel < pixels; pixel++)
            TensorPrimitives.Add(sum, source.Slice(pixel * channels, channels), sum);
        TensorPrimitives.Divide(sum, pixels, sum);
    });
}
