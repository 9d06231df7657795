using System.Numerics;
using System.Runtime.CompilerServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The host loops take vectors of consecutive channels, across groups: sums over pixels are kept for each channel, and combined for each group at the
/// end. An image is read twice, the second time from the cache. A work item is an image or, if images are few, a slice of its channels.
/// </summary>
public static partial class GroupNorm
{
    /// <summary>Minimum number of images at which an image is a work item.</summary>
    private const int ManyImages = 32;

    /// <summary>Channels of a slice, about two cache lines of a pixel, if images are fewer.</summary>
    private const int SliceChannels = 32;

    /// <summary>Pixels taken together, while coefficients and sums stay in registers. With more, the prefetchers lose track.</summary>
    private const int BlockRows = 4;

    private static unsafe void ForwardCpu(CpuDevice cpu, Terms terms) => ForSlices(cpu, terms.Extents, slice =>
    {
        Extents s = terms.Extents;
        float* x = terms.X.Pointer + slice.Start;
        float* tx = s.Tangent != 0 ? x + terms.X.Count : null;
        float* y = terms.Y.Pointer + slice.Start;
        var columns = new Columns(slice.Channels);
        columns.Clear();
        for (int c = 0; c < slice.Channels; c++)
            columns.Pivot[c] = x[c - c % s.GroupChannels];
        Accumulate(x, tx, s, slice, columns);
        Combine(terms, slice, columns);
        Normalise(x, tx, y, tx == null ? null : y + terms.X.Count, s, slice, columns);
    });

    /// <summary>Sums d, d^2 and, with a tangent, tx and d tx over pixels.</summary>
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

    /// <summary>Computes the statistics of each group from the sums of its channels, and the coefficients of each channel.</summary>
    private static unsafe void Combine(Terms terms, Slice slice, Columns columns)
    {
        Extents s = terms.Extents;
        var statistics = new HostStatistics(terms, slice);
        var weights = new HostWeights(terms, slice);
        for (int group = 0; group < slice.Groups; group++)
        {
            int first = group * s.GroupChannels, last = first + s.GroupChannels;
            Sums sums = default;
            for (int c = first; c < last; c++)
            {
                sums.D += columns.Sums[c];
                sums.DD += columns.Squares[c];
                sums.T += columns.Tangents[c];
                sums.DT += columns.Products[c];
            }

            GroupStatistics of = StatisticsFrom(columns.Pivot[first], sums, s.Pixels * s.GroupChannels, s.Epsilon);
            statistics[group] = of;
            for (int c = first; c < last; c++)
                columns.Set(c, ForwardAffine(of, weights[c]));
        }
    }

    private static unsafe void Normalise(float* x, float* tx, float* y, float* ty, Extents s, Slice slice, Columns columns)
    {
        for (int p = 0; p < s.Pixels; p += BlockRows)
        {
            int rows = Math.Min(BlockRows, s.Pixels - p);
            int at = p * s.Channels, c = 0;
            for (; c <= slice.Channels - Vector<float>.Count; c += Vector<float>.Count)
                NormaliseBlock(x, tx, y, ty, at + c, rows, s, columns, c, Vector<float>.Count);
            if (c < slice.Channels)
                NormaliseBlock(x, tx, y, ty, at + c, rows, s, columns, c, slice.Channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void NormaliseBlock(
        float* x, float* tx, float* y, float* ty, int at, int rows, Extents s, Columns columns, int c, int count)
    {
        Vector<float> pivot = Vector.Load(columns.Pivot + c), a = Vector.Load(columns.A + c), b = Vector.Load(columns.B + c);
        Vector<float> e = Vector.Load(columns.E + c), f = Vector.Load(columns.F + c);
        for (int end = at + rows * s.Channels; at < end; at += s.Channels)
        {
            Vector<float> d = Load(x + at, count) - pivot;
            Vector<float> value = Vector.FusedMultiplyAdd(d, a, b), slope = Vector<float>.One;
            if (s.Silu != 0)
                value = SiluOf(value, out slope);
            Store(value, y + at, count);
            if (tx != null)
                Store(slope * Vector.FusedMultiplyAdd(a, Load(tx + at, count), Vector.FusedMultiplyAdd(d, e, f)), ty + at, count);
        }
    }

    /// <summary>Returns h s and its derivative s + h s (1 - s), where s is the logistic function of h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> SiluOf(Vector<float> h, out Vector<float> slope)
    {
        Vector<float> s = VectorMath.Logistic(h), value = h * s;
        slope = Vector.FusedMultiplyAdd(value, Vector<float>.One - s, s);
        return value;
    }
}
