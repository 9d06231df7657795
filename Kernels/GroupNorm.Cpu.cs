using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Vectors of consecutive channels, whatever the groups: sums over pixels are kept for each channel and combined for each group
/// at the end. An image is read twice, the second time from the cache. One item of work is an image, or where images are few
/// a slice of its channels.
/// </summary>
public static partial class GroupNorm
{
    private const int ManyImages = 32;
    private const int SliceChannels = 32;
    private const int BlockRows = 8;

    private static unsafe void ForwardCpu(CpuDevice cpu, Terms terms) => ForSlices(cpu, terms.Extents, slice =>
    {
        Extents s = terms.Extents;
        float* x = terms.X.Pointer + slice.Start;
        float* tx = s.Tangent != 0 ? x + terms.X.Count : null;
        float* y = terms.Y.Pointer + slice.Start;
        float[] scratch = ArrayPool<float>.Shared.Rent(Columns.Length(slice.Channels));
        fixed (float* start = scratch)
        {
            var columns = new Columns(start, slice.Channels);
            columns.Clear();
            for (int c = 0; c < slice.Channels; c++)
                columns.Pivot[c] = x[c - c % s.GroupChannels];
            Accumulate(x, tx, s, slice, columns);
            Combine(terms, slice, columns);
            Normalise(x, tx, y, tx == null ? null : y + terms.X.Count, s, slice, columns);
        }

        ArrayPool<float>.Shared.Return(scratch);
    });

    /// <summary>Sums over pixels of d, d^2 and, with a tangent, of tx and d tx.</summary>
    private static unsafe void Accumulate(float* x, float* tx, Extents s, Slice slice, Columns columns)
    {
        for (int p = 0; p < s.Pixels; p += BlockRows)
        {
            int rows = Math.Min(BlockRows, s.Pixels - p);
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                AccumulateBlock(x + at + c, tx == null ? null : tx + at + c, rows, s.Channels, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                AccumulateBlock(x + at + c, tx == null ? null : tx + at + c, rows, s.Channels, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void AccumulateBlock(float* x, float* tx, int rows, int stride, Columns columns, int c, int count)
    {
        Vector<float> pivot = Vector.Load(columns.Pivot + c), sum = default, squares = default;
        if (tx == null)
        {
            for (int row = 0; row < rows; row++)
            {
                Vector<float> d = Load(x + row * stride, count) - pivot;
                sum += d;
                squares = Vector.FusedMultiplyAdd(d, d, squares);
            }
        }
        else
        {
            Vector<float> tangents = default, products = default;
            for (int row = 0; row < rows; row++)
            {
                Vector<float> d = Load(x + row * stride, count) - pivot, t = Load(tx + row * stride, count);
                sum += d;
                squares = Vector.FusedMultiplyAdd(d, d, squares);
                tangents += t;
                products = Vector.FusedMultiplyAdd(d, t, products);
            }

            Add(columns.Tangents + c, tangents);
            Add(columns.Products + c, products);
        }

        Add(columns.Sums + c, sum);
        Add(columns.Squares + c, squares);
    }

    /// <summary>Statistics of each group from the sums of its channels, and the coefficients of each channel.</summary>
    private static unsafe void Combine(Terms terms, Slice slice, Columns columns)
    {
        Extents s = terms.Extents;
        int plane = s.Images * s.Groups;
        float* statistics = terms.Statistics.Pointer + slice.Image * s.Groups + slice.FirstGroup;
        for (int group = 0; group < slice.Groups; group++)
        {
            int first = group * s.GroupChannels, last = first + s.GroupChannels;
            float d = 0, dd = 0, t = 0, dt = 0;
            for (int c = first; c < last; c++)
            {
                d += columns.Sums[c];
                dd += columns.Squares[c];
                t += columns.Tangents[c];
                dt += columns.Products[c];
            }

            GroupStatistics of = StatisticsFrom(columns.Pivot[first], d, dd, t, dt, s.Pixels * s.GroupChannels, s.Epsilon);
            statistics[group] = of.Pivot;
            statistics[group + plane] = of.Rho;
            statistics[group + 2 * plane] = of.Offset;
            for (int c = first; c < last; c++)
                columns.Set(c, ForwardAffine(of, WeightsOf(terms, slice.Image, slice.FirstChannel + c)));
        }
    }

    private static unsafe void Normalise(float* x, float* tx, float* y, float* ty, Extents s, Slice slice, Columns columns)
    {
        bool silu = s.Silu != 0;
        for (int p = 0; p < s.Pixels; p++)
        {
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                NormaliseBlock(x, tx, y, ty, at + c, silu, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                NormaliseBlock(x, tx, y, ty, at + c, silu, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void NormaliseBlock(
        float* x, float* tx, float* y, float* ty, int at, bool silu, Columns columns, int c, int count)
    {
        Vector<float> d = Load(x + at, count) - Vector.Load(columns.Pivot + c), a = Vector.Load(columns.A + c);
        Vector<float> value = Vector.FusedMultiplyAdd(d, a, Vector.Load(columns.B + c)), slope = Vector<float>.One;
        if (silu)
            value = SiluOf(value, out slope);
        Store(value, y + at, count);
        if (tx == null)
            return;
        Vector<float> tangent = Vector.FusedMultiplyAdd(d, Vector.Load(columns.E + c), Vector.Load(columns.F + c));
        Store(slope * Vector.FusedMultiplyAdd(a, Load(tx + at, count), tangent), ty + at, count);
    }

    /// <summary>h s and its derivative s + h s (1 - s), s the logistic function of h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> SiluOf(Vector<float> h, out Vector<float> slope)
    {
        Vector<float> s = VectorMath.Logistic(h), value = h * s;
        slope = Vector.FusedMultiplyAdd(value, Vector<float>.One - s, s);
        return value;
    }

    private static unsafe ChannelWeights WeightsOf(Terms terms, int image, int channel)
    {
        Extents s = terms.Extents;
        var of = new ChannelWeights { Weight = terms.Weight.Pointer[channel], Bias = terms.Bias.Pointer[channel], Scale = 1f };
        if (terms.Modulation is not { } modulation)
            return of;
        float* row = modulation.Pointer + image * 2 * s.Channels + channel;
        of.Scale = row[0];
        of.Shift = row[s.Channels];
        if (!modulation.HasTangent)
            return of;
        of.TangentScale = row[modulation.Count];
        of.TangentShift = row[modulation.Count + s.Channels];
        return of;
    }
}
