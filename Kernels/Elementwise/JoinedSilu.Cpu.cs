using System.Numerics.Tensors;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take blocks of whole pixels, operand by operand.</summary>
public static partial class JoinedSilu
{
    private const int Block = 8192;

    private static void ForwardCpu(CpuDevice cpu, Tensor a, Tensor? b, Tensor y, JoinFactors factors)
    {
        int channels = y.Shape.C, pixels = y.Count / channels;
        cpu.For((long)pixels, Math.Max(1, Block / channels), (start, end) =>
        {
            float[] logistic = new float[channels];
            for (int pixel = (int)start; pixel < end; pixel++)
            {
                Part(a, 0, factors.A, pixel, logistic);
                if (b is not null)
                    Part(b, a.Shape.C, factors.B, pixel, logistic);
            }
        });

        void Part(Tensor x, int first, float factor, int pixel, float[] logistic)
        {
            int width = x.Shape.C;
            Span<float> s = logistic.AsSpan(0, width), value = y.Span.Slice(pixel * channels + first, width);
            TensorPrimitives.Multiply(x.Span.Slice(pixel * width, width), factor, value);
            TensorPrimitives.Sigmoid(value, s);
            if (x.HasTangent)
            {
                ReadOnlySpan<float> tx = x.Span.Slice(x.Count + pixel * width, width);
                Span<float> tangent = y.Span.Slice(y.Count + pixel * channels + first, width);
                for (int c = 0; c < width; c++)
                    tangent[c] = factors.Gain * factor * DeviceMath.SiluSlope(value[c], s[c]) * tx[c];
            }

            TensorPrimitives.Multiply(value, s, value);
            TensorPrimitives.Multiply(value, factors.Gain, value);
        }
    }

    private static void BackwardCpu(CpuDevice cpu, Tensor a, Tensor? b, Gradients gradients, JoinFactors factors)
    {
        int channels = gradients.Dy.Shape.C, pixels = gradients.Dy.Count / channels;
        cpu.For((long)pixels, Math.Max(1, Block / channels), (start, end) =>
        {
            for (int pixel = (int)start; pixel < end; pixel++)
            {
                Part(a, 0, factors.A, pixel, gradients.A, gradients.Deferred);
                if (b is not null)
                    Part(b, a.Shape.C, factors.B, pixel, gradients.B, null);
            }
        });

        void Part(Tensor x, int first, float factor, int pixel, GradientSlot? slot, Tensor? deferred)
        {
            if (slot is not { } dx)
                return;
            int width = x.Shape.C, at = pixel * width;
            ReadOnlySpan<float> source = x.Span.Slice(at, width), dy = gradients.Dy.Span.Slice(pixel * channels + first, width);
            Span<float> target = dx.Tensor.Span.Slice(at, width);
            for (int c = 0; c < width; c++)
            {
                float value = factor * source[c];
                float gradient = factors.Gain * factor * DeviceMath.SiluSlope(value, 1f / (1f + MathF.Exp(-value))) * dy[c];
                target[c] = dx.Accumulate ? target[c] + gradient : gradient;
            }

            if (deferred is not null)
                TensorPrimitives.MultiplyAdd(deferred.Span.Slice(at, width), gradients.DeferredFactor, target, target);
        }
    }
}
