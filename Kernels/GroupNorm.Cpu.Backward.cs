using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Reads x and dy twice, the second time from the cache; sums over images at the end, in order.</summary>
public static partial class GroupNorm
{
    private static unsafe void BackwardCpu(CpuDevice cpu, Terms terms, Gradients gradients)
    {
        ForSlices(cpu, terms.Extents, slice =>
        {
            float* x = terms.X.Pointer + slice.Start;
            float* dy = gradients.Dy.Pointer + slice.Start;
            float[] scratch = ArrayPool<float>.Shared.Rent(Columns.Length(slice.Channels));
            fixed (float* start = scratch)
            {
                var columns = new Columns(start, slice.Channels);
                columns.Clear();
                for (int c = 0; c < slice.Channels; c++)
                    columns.Set(c, ForwardAffine(StatisticsOf(terms, slice, c), WeightsOf(terms, slice.Image, slice.FirstChannel + c)));
                AccumulateBackward(x, dy, terms.Extents, slice, columns);
                CombineBackward(terms, gradients, slice, columns);
                if (gradients.X is { } dx)
                    Project(x, dy, dx.Tensor.Pointer + slice.Start, dx.Accumulate, terms.Extents, slice, columns);
            }

            ArrayPool<float>.Shared.Return(scratch);
        });
        SumOverImages(terms, gradients.Bias, gradients.ChannelSums.Span[..(terms.Extents.Images * terms.Extents.Channels)]);
        SumOverImages(terms, gradients.Weight, gradients.ChannelSums.Span[(terms.Extents.Images * terms.Extents.Channels)..]);
    }

    /// <summary>Sums over pixels of dh and d dh.</summary>
    private static unsafe void AccumulateBackward(float* x, float* dy, Extents s, Slice slice, Columns columns)
    {
        bool silu = s.Silu != 0;
        for (int p = 0; p < s.Pixels; p += BlockRows)
        {
            int rows = Math.Min(BlockRows, s.Pixels - p);
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                AccumulateBackwardBlock(x + at + c, dy + at + c, rows, s.Channels, silu, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                AccumulateBackwardBlock(x + at + c, dy + at + c, rows, s.Channels, silu, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void AccumulateBackwardBlock(
        float* x, float* dy, int rows, int stride, bool silu, Columns columns, int c, int count)
    {
        Vector<float> sum = default, products = default;
        for (int row = 0; row < rows; row++)
        {
            Vector<float> dh = ArgumentCotangent(x + row * stride, dy + row * stride, silu, columns, c, count, out Vector<float> d);
            sum += dh;
            products = Vector.FusedMultiplyAdd(d, dh, products);
        }

        Add(columns.Sums + c, sum);
        Add(columns.Products + c, products);
    }

    /// <summary>dh = act'(h) dy, and d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector<float> ArgumentCotangent(
        float* x, float* dy, bool silu, Columns columns, int c, int count, out Vector<float> d)
    {
        d = Load(x, count) - Vector.Load(columns.Pivot + c);
        Vector<float> dh = Load(dy, count);
        if (!silu)
            return dh;
        SiluOf(Vector.FusedMultiplyAdd(d, Vector.Load(columns.A + c), Vector.Load(columns.B + c)), out Vector<float> slope);
        return slope * dh;
    }

    /// <summary>Sums and means for the gradients, the gradient of the modulation, and the coefficients of dx.</summary>
    private static unsafe void CombineBackward(Terms terms, Gradients gradients, Slice slice, Columns columns)
    {
        Extents s = terms.Extents;
        float* sums = gradients.ChannelSums.Pointer + slice.Image * s.Channels + slice.FirstChannel;
        float* projections = sums + s.Images * s.Channels;
        float count = s.Pixels * s.GroupChannels;
        for (int group = 0; group < slice.Groups; group++)
        {
            int first = group * s.GroupChannels, last = first + s.GroupChannels;
            GroupStatistics of = StatisticsOf(terms, slice, first);
            float mean = 0, projection = 0;
            for (int c = first; c < last; c++)
            {
                ChannelWeights weights = WeightsOf(terms, slice.Image, slice.FirstChannel + c);
                sums[c] = columns.Sums[c];
                projections[c] = of.Rho * columns.Products[c] + of.Offset * columns.Sums[c];
                mean += weights.Weight * weights.Scale * sums[c];
                projection += weights.Weight * weights.Scale * projections[c];
                if (gradients.Modulation is not { } modulation)
                    continue;
                float* row = modulation.Tensor.Pointer + slice.Image * 2 * s.Channels + slice.FirstChannel + c;
                float scale = weights.Weight * projections[c] + weights.Bias * sums[c];
                row[0] = modulation.Accumulate ? row[0] + scale : scale;
                row[s.Channels] = modulation.Accumulate ? row[s.Channels] + sums[c] : sums[c];
            }

            for (int c = first; c < last; c++)
            {
                ChannelWeights weights = WeightsOf(terms, slice.Image, slice.FirstChannel + c);
                columns.Set(c, BackwardAffine(of, weights, mean / count, projection / count));
            }
        }
    }

    private static unsafe void Project(float* x, float* dy, float* dx, bool add, Extents s, Slice slice, Columns columns)
    {
        bool silu = s.Silu != 0;
        for (int p = 0; p < s.Pixels; p++)
        {
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                ProjectBlock(x + at + c, dy + at + c, dx + at + c, add, silu, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                ProjectBlock(x + at + c, dy + at + c, dx + at + c, add, silu, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void ProjectBlock(float* x, float* dy, float* dx, bool add, bool silu, Columns columns, int c, int count)
    {
        Vector<float> dh = ArgumentCotangent(x, dy, silu, columns, c, count, out Vector<float> d);
        Vector<float> value = Vector.FusedMultiplyAdd(d, Vector.Load(columns.E + c), Vector.Load(columns.F + c));
        value = Vector.FusedMultiplyAdd(dh, Vector.Load(columns.A + c), value);
        Store(add ? Load(dx, count) + value : value, dx, count);
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

    private static unsafe GroupStatistics StatisticsOf(Terms terms, Slice slice, int channel)
    {
        Extents s = terms.Extents;
        int plane = s.Images * s.Groups;
        float* at = terms.Statistics.Pointer + slice.Image * s.Groups + slice.FirstGroup + channel / s.GroupChannels;
        return new GroupStatistics { Pivot = at[0], Rho = at[plane], Offset = at[2 * plane] };
    }
}
