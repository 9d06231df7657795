using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, loops are vectorised along the channels of a pixel; threads take coarse rows.</summary>
public static unsafe partial class Resample2d
{
    private const int Block = 8192;

    private static void SpreadCpu(CpuDevice cpu, Tensor coarse, GradientSlot fine, float scale) => ForPixels(
        cpu, coarse, fine.Tensor, (coarsePixel, upper, lower, channels) =>
        {
            int c = 0;
            for (; c <= channels - Vector<float>.Count; c += Vector<float>.Count)
            {
                Vector<float> value = Vector.Load(coarsePixel + c) * scale;
                Put(upper + c, value, fine.Accumulate);
                Put(upper + channels + c, value, fine.Accumulate);
                Put(lower + c, value, fine.Accumulate);
                Put(lower + channels + c, value, fine.Accumulate);
            }

            for (; c < channels; c++)
            {
                float value = coarsePixel[c] * scale;
                Put(upper + c, value, fine.Accumulate);
                Put(upper + channels + c, value, fine.Accumulate);
                Put(lower + c, value, fine.Accumulate);
                Put(lower + channels + c, value, fine.Accumulate);
            }
        });

    private static void GatherCpu(CpuDevice cpu, Tensor fine, GradientSlot coarse, float scale) => ForPixels(
        cpu, coarse.Tensor, fine, (coarsePixel, upper, lower, channels) =>
        {
            int c = 0;
            for (; c <= channels - Vector<float>.Count; c += Vector<float>.Count)
            {
                Vector<float> sum = Vector.Load(upper + c) + Vector.Load(upper + channels + c)
                    + (Vector.Load(lower + c) + Vector.Load(lower + channels + c));
                Put(coarsePixel + c, sum * scale, coarse.Accumulate);
            }

            for (; c < channels; c++)
            {
                float sum = upper[c] + upper[channels + c] + (lower[c] + lower[channels + c]);
                Put(coarsePixel + c, sum * scale, coarse.Accumulate);
            }
        });

    /// <summary>Processes the channels of a coarse pixel and of the four fine pixels under it, two adjacent ones in each of two rows.</summary>
    private delegate void PixelBody(float* coarsePixel, float* upper, float* lower, int channels);

    private static void ForPixels(CpuDevice cpu, Tensor coarse, Tensor fine, PixelBody body)
    {
        int width = coarse.Shape.W, channels = coarse.Shape.C, row = width * channels;
        cpu.For(coarse.StoredN * coarse.Shape.H, Math.Max(1, Block / row), (start, end) =>
        {
            for (int r = (int)start; r < end; r++)
            {
                float* first = coarse.Pointer + r * row, upper = fine.Pointer + 4 * r * row;
                for (int column = 0; column < width; column++)
                {
                    int under = 2 * column * channels;
                    body(first + column * channels, upper + under, upper + 2 * row + under, channels);
                }
            }
        });
    }

    private static void Put(float* target, Vector<float> value, bool add) => (add ? Vector.Load(target) + value : value).Store(target);

    private static void Put(float* target, float value, bool add) => *target = add ? *target + value : value;
}
