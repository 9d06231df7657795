using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The backward loops read x and dy twice, the second time from the cache, and sum over images at the end, in order.</summary>
public static partial class GroupNorm
{
    private static unsafe void BackwardCpu(CpuDevice cpu, Terms terms, Gradients gradients)
    {
        Extents s = terms.Extents;
        bool silu = s.Silu != 0;
        ForSlices(cpu, s, slice =>
        {
            float* x = terms.X.Pointer + slice.Start;
            float* dy = gradients.Dy.Pointer + slice.Start;
            var columns = new Columns(slice.Channels, silu ? s.Pixels : 0);
            columns.Clear();
            var weights = new HostWeights(terms, slice);
            var statistics = new HostStatistics(terms, slice);
            for (int c = 0; c < slice.Channels; c++)
                columns.Set(c, ForwardAffine(statistics[c / s.GroupChannels], weights[c]));
            AccumulateBackward(x, dy, columns.Rest, s, slice, columns);
            CombineBackward(gradients, s, slice, weights, statistics, columns);
            if (gradients.X is not { } dx)
                return;
            float* dh = silu ? columns.Rest : dy;
            Project(x, dh, silu ? columns.Stride : s.Channels, dx.Tensor.Pointer + slice.Start, dx.Accumulate, s, slice, columns);
        });
        SumOverImages(terms, gradients.Bias, gradients.ChannelSums.Span[..(s.Images * s.Channels)]);
        SumOverImages(terms, gradients.Weight, gradients.ChannelSums.Span[(s.Images * s.Channels)..]);
    }

    /// <summary>Sums dh and d dh over pixels. With SiLU, dh = act'(h) dy is kept in the scratch rows; without it, dh is dy.</summary>
    private static unsafe void AccumulateBackward(float* x, float* dy, float* dh, Extents s, Slice slice, Columns columns)
    {
        for (int p = 0; p < s.Pixels; p += BlockRows)
        {
            int rows = Math.Min(BlockRows, s.Pixels - p);
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                AccumulateBackwardBlock(x + at + c, dy + at + c, dh + p * columns.Stride + c, rows, s, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                AccumulateBackwardBlock(x + at + c, dy + at + c, dh + p * columns.Stride + c, rows, s, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void AccumulateBackwardBlock(
        float* x, float* dy, float* dh, int rows, Extents s, Columns columns, int c, int count)
    {
        Vector<float> pivot = Vector.Load(columns.Pivot + c), a = Vector.Load(columns.A + c), b = Vector.Load(columns.B + c);
        Vector<float> sum = default, products = default;
        for (int row = 0; row < rows; row++)
        {
            Vector<float> d = Load(x + row * s.Channels, count) - pivot, cotangent = Load(dy + row * s.Channels, count);
            if (s.Silu != 0)
            {
                SiluOf(Vector.FusedMultiplyAdd(d, a, b), out Vector<float> slope);
                cotangent *= slope;
                cotangent.Store(dh + row * columns.Stride);
            }

            sum += cotangent;
            products = Vector.FusedMultiplyAdd(d, cotangent, products);
        }

        Add(columns.Sums + c, sum);
        Add(columns.Products + c, products);
    }

    /// <summary>Computes the sums and means for the gradients, the gradient of the modulation, and the coefficients of dx.</summary>
    private static unsafe void CombineBackward(
        Gradients gradients, Extents s, Slice slice, HostWeights weights, HostStatistics statistics, Columns columns)
    {
        float* sums = gradients.ChannelSums.Pointer + slice.Image * s.Channels + slice.FirstChannel;
        float* projections = sums + s.Images * s.Channels;
        float* dModulation = gradients.Modulation is { } slot ? slot.Tensor.Pointer + slice.Modulation : null;
        bool add = gradients.Modulation is { Accumulate: true };
        float count = s.Pixels * s.GroupChannels;
        for (int group = 0; group < slice.Groups; group++)
        {
            int first = group * s.GroupChannels, last = first + s.GroupChannels;
            GroupStatistics of = statistics[group];
            float mean = 0, projection = 0;
            for (int c = first; c < last; c++)
            {
                ChannelWeights w = weights[c];
                sums[c] = columns.Sums[c];
                projections[c] = of.Rho * columns.Products[c] + of.Offset * columns.Sums[c];
                mean += w.Weight * w.Scale * sums[c];
                projection += w.Weight * w.Scale * projections[c];
                if (dModulation == null)
                    continue;
                dModulation[c] = w.Weight * projections[c] + w.Bias * sums[c] + (add ? dModulation[c] : 0f);
                dModulation[c + s.Channels] = sums[c] + (add ? dModulation[c + s.Channels] : 0f);
            }

            for (int c = first; c < last; c++)
                columns.Set(c, BackwardAffine(of, weights[c], mean / count, projection / count));
        }
    }

    private static unsafe void Project(float* x, float* dh, int stride, float* dx, bool add, Extents s, Slice slice, Columns columns)
    {
        for (int p = 0; p < s.Pixels; p += BlockRows)
        {
            int rows = Math.Min(BlockRows, s.Pixels - p);
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                ProjectBlock(x + at + c, dh + p * stride + c, stride, dx + at + c, add, rows, s.Channels, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                ProjectBlock(x + at + c, dh + p * stride + c, stride, dx + at + c, add, rows, s.Channels, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void ProjectBlock(
        float* x, float* dh, int dhStride, float* dx, bool add, int rows, int stride, Columns columns, int c, int count)
    {
        Vector<float> pivot = Vector.Load(columns.Pivot + c), a = Vector.Load(columns.A + c);
        Vector<float> e = Vector.Load(columns.E + c), f = Vector.Load(columns.F + c);
        for (int row = 0; row < rows; row++)
        {
            Vector<float> d = Load(x + row * stride, count) - pivot;
            Vector<float> value = Vector.FusedMultiplyAdd(a, Load(dh + row * dhStride, count), Vector.FusedMultiplyAdd(d, e, f));
            Store(add ? Load(dx + row * stride, count) + value : value, dx + row * stride, count);
        }
    }

    /// <summary>gradient += sum_n scale sums over the images in order; sums is (N, C).</summary>
    private static void SumOverImages(Terms terms, GradientSlot? gradient, ReadOnlySpan<float> sums)
    {
        if (gradient is not { } slot)
            return;
        Span<float> target = slot.Tensor.Span;
        if (!slot.Accumulate)
            target.Clear();
        int channels = terms.Extents.Channels;
        for (int n = 0; n < terms.Extents.Images; n++)
        {
            ReadOnlySpan<float> row = sums.Slice(n * channels, channels);
            if (terms.Modulation is { } modulation)
                TensorPrimitives.MultiplyAdd(row, modulation.Span.Slice(2 * n * channels, channels), target, target);
            else
                TensorPrimitives.Add(target, row, target);
        }
    }
}
