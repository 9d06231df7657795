using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Two launches. Statistics: a thread group reads a tile of whole normalisation groups, at least as wide as a 32-byte sector of a pixel. Output: a
/// thread takes the pixels of one channel of an image, so that it loads coefficients once, and neighbouring threads read neighbouring channels. Each
/// thread has four loads in flight. A primal takes the same operations with and without a tangent, hence has the same bits.
/// </summary>
public static partial class GroupNorm
{
    private const int MaxGroup = 256;
    private const int SectorChannels = 8;

    /// <summary>Minimum number of pixels of a thread, over which its fixed cost, four divisions and a dozen loads, is spread.</summary>
    private const int PixelsPerThread = 16;

    internal static void StatisticsKernel<T>(ArrayView<T> x, ArrayView<float> statistics, Extents s, int tileGroups)
        where T : unmanaged, IElement<T>
    {
        Tile tile = TileOf(s, tileGroups);
        ArrayView<float> shared = SharedMemory.Allocate<float>(4 * MaxGroup);
        int image = tile.Image * s.Pixels * s.Channels;
        int tangentAt = s.Tangent * s.Images * s.Pixels * s.Channels;
        Sums sums = default;
        for (int column = tile.FirstColumn; column < tile.Columns; column += tile.Width)
        {
            int start = image + tile.FirstChannel + column;
            sums = Accumulate(x, start, T.ToSingle(x[start - column % s.GroupChannels]), tangentAt, tile, s, sums);
        }

        shared[Group.IdxX] = sums.D;
        shared[Group.IdxX + MaxGroup] = sums.DD;
        shared[Group.IdxX + 2 * MaxGroup] = sums.T;
        shared[Group.IdxX + 3 * MaxGroup] = sums.DT;
        SumLanes(shared, tile, tangentAt != 0 ? 4 : 2);
        int span = IntrinsicMath.Min(s.GroupChannels, tile.Width);
        if (Group.IdxX >= tile.Width || Group.IdxX >= tile.Columns || Group.IdxX % span != 0)
            return;
        float pivot = T.ToSingle(x[image + tile.FirstChannel + Group.IdxX]);
        var total = new Sums
        {
            D = SumColumns(shared, Group.IdxX, span),
            DD = SumColumns(shared, Group.IdxX + MaxGroup, span),
            T = tangentAt != 0 ? SumColumns(shared, Group.IdxX + 2 * MaxGroup, span) : 0f,
            DT = tangentAt != 0 ? SumColumns(shared, Group.IdxX + 3 * MaxGroup, span) : 0f,
        };
        GroupStatistics of = StatisticsFrom(pivot, total, s.Pixels * s.GroupChannels, s.Epsilon);
        int plane = s.Images * s.Groups, at = tile.Image * s.Groups + tile.FirstGroup + Group.IdxX / span;
        statistics[at] = of.Pivot;
        statistics[at + plane] = of.Rho;
        statistics[at + 2 * plane] = of.Offset;
        if (tangentAt == 0)
            return;
        statistics[at + 3 * plane] = of.TangentMean;
        statistics[at + 4 * plane] = of.TangentProjection;
    }

    internal static void OutputKernel<T>(
        Index1D i, ArrayView<T> x, ArrayView<T> y, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> modulation,
        ArrayView<float> statistics, Extents s, int walkers)
        where T : unmanaged, IElement<T>
    {
        Walk walk = WalkOf(i, s, walkers);
        Affine k = ForwardAffine(
            StatisticsOf(statistics, walk.Image, walk.Channel, s, s.Tangent),
            WeightsOf(weight, bias, modulation, walk.Image, walk.Channel, s));
        if (s.Tangent != 0)
            WalkDual(x, y, walk, k, s);
        else
            WalkPrimal(x, y, walk, k, s);
    }

    private static void WalkPrimal<T>(ArrayView<T> x, ArrayView<T> y, Walk walk, Affine k, Extents s)
        where T : unmanaged, IElement<T>
    {
        int at = walk.Start, step = walk.Step;
        for (; walk.End - at > 3 * step; at += 4 * step)
        {
            float x0 = T.ToSingle(x[at]), x1 = T.ToSingle(x[at + step]), x2 = T.ToSingle(x[at + 2 * step]), x3 = T.ToSingle(x[at + 3 * step]);
            y[at] = T.FromSingle(Activate((x0 - k.Pivot) * k.A + k.B, s.Silu).Value);
            y[at + step] = T.FromSingle(Activate((x1 - k.Pivot) * k.A + k.B, s.Silu).Value);
            y[at + 2 * step] = T.FromSingle(Activate((x2 - k.Pivot) * k.A + k.B, s.Silu).Value);
            y[at + 3 * step] = T.FromSingle(Activate((x3 - k.Pivot) * k.A + k.B, s.Silu).Value);
        }

        for (; at < walk.End; at += step)
            y[at] = T.FromSingle(Activate((T.ToSingle(x[at]) - k.Pivot) * k.A + k.B, s.Silu).Value);
    }

    private static void WalkDual<T>(ArrayView<T> x, ArrayView<T> y, Walk walk, Affine k, Extents s)
        where T : unmanaged, IElement<T>
    {
        int at = walk.Start, step = walk.Step, tangentAt = s.Images * s.Pixels * s.Channels;
        for (; walk.End - at > 3 * step; at += 4 * step)
        {
            int tangent = at + tangentAt;
            float x0 = T.ToSingle(x[at]), x1 = T.ToSingle(x[at + step]), x2 = T.ToSingle(x[at + 2 * step]), x3 = T.ToSingle(x[at + 3 * step]);
            float t0 = T.ToSingle(x[tangent]), t1 = T.ToSingle(x[tangent + step]), t2 = T.ToSingle(x[tangent + 2 * step]), t3 = T.ToSingle(x[tangent + 3 * step]);
            PutDual(y, at, tangentAt, x0, t0, k, s.Silu);
            PutDual(y, at + step, tangentAt, x1, t1, k, s.Silu);
            PutDual(y, at + 2 * step, tangentAt, x2, t2, k, s.Silu);
            PutDual(y, at + 3 * step, tangentAt, x3, t3, k, s.Silu);
        }

        for (; at < walk.End; at += step)
            PutDual(y, at, tangentAt, T.ToSingle(x[at]), T.ToSingle(x[at + tangentAt]), k, s.Silu);
    }

    private static void PutDual<T>(ArrayView<T> y, int at, int tangentAt, float x, float t, Affine k, int silu)
        where T : unmanaged, IElement<T>
    {
        float d = x - k.Pivot;
        Activation of = Activate(d * k.A + k.B, silu);
        y[at] = T.FromSingle(of.Value);
        y[at + tangentAt] = T.FromSingle(of.Slope * (t * k.A + (d * k.E + k.F)));
    }

    /// <summary>Computes act(h) and act'(h) without a branch, so that the pixels of a thread overlap.</summary>
    private static Activation Activate(float h, int silu)
    {
        float logistic = 1f / (1f + MathF.Exp(-h));
        logistic = silu != 0 ? logistic : 1f;
        float value = h * logistic;
        return new Activation { Value = value, Slope = logistic + value * (1f - logistic) };
    }

    private static Sums Accumulate<T>(ArrayView<T> x, int start, float pivot, int tangentAt, Tile tile, Extents s, Sums sums)
        where T : unmanaged, IElement<T>
    {
        int step = tile.Lanes * s.Channels, at = start + tile.Lane * s.Channels, end = start + s.Pixels * s.Channels;
        for (; end - at > 3 * step; at += 4 * step)
        {
            float x0 = T.ToSingle(x[at]), x1 = T.ToSingle(x[at + step]), x2 = T.ToSingle(x[at + 2 * step]), x3 = T.ToSingle(x[at + 3 * step]);
            float t0 = 0f, t1 = 0f, t2 = 0f, t3 = 0f;
            if (tangentAt != 0)
            {
                t0 = T.ToSingle(x[at + tangentAt]);
                t1 = T.ToSingle(x[at + tangentAt + step]);
                t2 = T.ToSingle(x[at + tangentAt + 2 * step]);
                t3 = T.ToSingle(x[at + tangentAt + 3 * step]);
            }

            sums = Plus(sums, x0 - pivot, t0);
            sums = Plus(sums, x1 - pivot, t1);
            sums = Plus(sums, x2 - pivot, t2);
            sums = Plus(sums, x3 - pivot, t3);
        }

        for (; at < end; at += step)
            sums = Plus(sums, T.ToSingle(x[at]) - pivot, tangentAt != 0 ? T.ToSingle(x[at + tangentAt]) : 0f);
        return sums;
    }

    private static Sums Plus(Sums sums, float d, float t)
    {
        sums.D += d;
        sums.DD += d * d;
        sums.T += t;
        sums.DT += d * t;
        return sums;
    }

    private static Action ForwardPortable<T>(GpuDevice gpu, Terms terms)
        where T : unmanaged, IElement<T>
    {
        Extents s = terms.Extents;
        var statisticsKernel = gpu.Accelerator.LoadKernel<ArrayView<T>, ArrayView<float>, Extents, int>(StatisticsKernel);
        var outputKernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            Extents, int>(OutputKernel);
        (KernelConfig grid, int tileGroups) = TilesOf(gpu, s);
        int walkers = WalkersOf(s);
        return () =>
        {
            ArrayView<T> x = terms.X.ViewOf<T>();
            ArrayView<float> statistics = terms.Statistics.View;
            statisticsKernel(gpu.Stream, grid, x, statistics, s, tileGroups);
            outputKernel(
                gpu.Stream, s.Images * walkers * s.Channels, x, terms.Y.ViewOf<T>(), terms.Weight.View, terms.Bias.View,
                (terms.Modulation ?? terms.Weight).View, statistics, s, walkers);
        };
    }

    /// <summary>act(h) and act'(h).</summary>
    internal struct Activation
    {
        public float Value;
        public float Slope;
    }

    /// <summary>Sums of d, d^2, tx and d tx.</summary>
    internal struct Sums
    {
        public float D;
        public float DD;
        public float T;
        public float DT;
    }
}
