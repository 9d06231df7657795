using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Two launches. Statistics: a thread group reads a tile of whole normalisation groups, 8 channels or one normalisation group wide, which
/// is a 32-byte sector of a pixel. Output: a thread walks one channel of an image, so that it loads coefficients once and neighbours
/// read neighbouring channels. Each thread has four loads under way. With and without tangent it is the same code, hence the same bits.
/// </summary>
public static partial class GroupNorm
{
    private const int LargestGroup = 256;
    private const int TileChannels = 8;
    private const int PixelsPerThread = 8;

    internal static void StatisticsKernel(ArrayView<float> x, ArrayView<float> statistics, Extents s, int tileGroups)
    {
        Tile tile = TileOf(s, tileGroups);
        ArrayView<float> shared = SharedMemory.Allocate<float>(4 * LargestGroup);
        int image = tile.Image * s.Pixels * s.Channels;
        int tangentAt = s.Tangent * s.Images * s.Pixels * s.Channels;
        Sums sums = default;
        for (int column = tile.FirstColumn; column < tile.Columns; column += tile.Width)
        {
            int start = image + tile.FirstChannel + column;
            sums = Accumulate(x, start, x[start - column % s.GroupChannels], tangentAt, tile, s, sums);
        }

        shared[Group.IdxX] = sums.D;
        shared[Group.IdxX + LargestGroup] = sums.DD;
        shared[Group.IdxX + 2 * LargestGroup] = sums.T;
        shared[Group.IdxX + 3 * LargestGroup] = sums.DT;
        SumLanes(shared, tile, tangentAt != 0 ? 4 : 2);
        int span = IntrinsicMath.Min(s.GroupChannels, tile.Width);
        if (Group.IdxX >= tile.Width || Group.IdxX >= tile.Columns || Group.IdxX % span != 0)
            return;
        GroupStatistics of = StatisticsFrom(
            x[image + tile.FirstChannel + Group.IdxX],
            SumColumns(shared, Group.IdxX, span),
            SumColumns(shared, Group.IdxX + LargestGroup, span),
            tangentAt != 0 ? SumColumns(shared, Group.IdxX + 2 * LargestGroup, span) : 0f,
            tangentAt != 0 ? SumColumns(shared, Group.IdxX + 3 * LargestGroup, span) : 0f,
            s.Pixels * s.GroupChannels, s.Epsilon);
        int plane = s.Images * s.Groups, at = tile.Image * s.Groups + tile.FirstGroup + Group.IdxX / span;
        statistics[at] = of.Pivot;
        statistics[at + plane] = of.Rho;
        statistics[at + 2 * plane] = of.Offset;
        if (tangentAt == 0)
            return;
        statistics[at + 3 * plane] = of.TangentMean;
        statistics[at + 4 * plane] = of.TangentProjection;
    }

    internal static void OutputKernel(
        Index1D i, ArrayView<float> x, ArrayView<float> y, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> modulation,
        ArrayView<float> statistics, Extents s, int walkers)
    {
        Walk walk = WalkOf(i, s, walkers);
        Affine k = ForwardAffine(
            StatisticsOf(statistics, walk.Image, walk.Channel, s, s.Tangent), WeightsOf(weight, bias, modulation, walk.Image, walk.Channel, s));
        int at = walk.Start, step = walk.Step, tangentAt = s.Tangent * s.Images * s.Pixels * s.Channels;
        for (; walk.End - at > 3 * step; at += 4 * step)
        {
            float x0 = x[at], x1 = x[at + step], x2 = x[at + 2 * step], x3 = x[at + 3 * step];
            float t0 = 0f, t1 = 0f, t2 = 0f, t3 = 0f;
            if (tangentAt != 0)
            {
                t0 = x[at + tangentAt];
                t1 = x[at + tangentAt + step];
                t2 = x[at + tangentAt + 2 * step];
                t3 = x[at + tangentAt + 3 * step];
            }

            Put(y, at, tangentAt, x0, t0, k, s.Silu);
            Put(y, at + step, tangentAt, x1, t1, k, s.Silu);
            Put(y, at + 2 * step, tangentAt, x2, t2, k, s.Silu);
            Put(y, at + 3 * step, tangentAt, x3, t3, k, s.Silu);
        }

        for (; at < walk.End; at += step)
            Put(y, at, tangentAt, x[at], tangentAt != 0 ? x[at + tangentAt] : 0f, k, s.Silu);
    }

    private static void Put(ArrayView<float> y, int at, int tangentAt, float x, float t, Affine k, int silu)
    {
        float d = x - k.Pivot;
        float value = d * k.A + k.B, slope = 1f;
        if (silu != 0)
        {
            float logistic = 1f / (1f + MathF.Exp(-value));
            value *= logistic;
            slope = logistic + value * (1f - logistic);
        }

        y[at] = value;
        if (tangentAt != 0)
            y[at + tangentAt] = slope * (t * k.A + (d * k.E + k.F));
    }

    private static Sums Accumulate(ArrayView<float> x, int start, float pivot, int tangentAt, Tile tile, Extents s, Sums sums)
    {
        int step = tile.Lanes * s.Channels, at = start + tile.Lane * s.Channels, end = start + s.Pixels * s.Channels;
        for (; end - at > 3 * step; at += 4 * step)
        {
            float x0 = x[at], x1 = x[at + step], x2 = x[at + 2 * step], x3 = x[at + 3 * step];
            float t0 = 0f, t1 = 0f, t2 = 0f, t3 = 0f;
            if (tangentAt != 0)
            {
                t0 = x[at + tangentAt];
                t1 = x[at + tangentAt + step];
                t2 = x[at + tangentAt + 2 * step];
                t3 = x[at + tangentAt + 3 * step];
            }

            sums = Plus(sums, x0 - pivot, t0);
            sums = Plus(sums, x1 - pivot, t1);
            sums = Plus(sums, x2 - pivot, t2);
            sums = Plus(sums, x3 - pivot, t3);
        }

        for (; at < end; at += step)
            sums = Plus(sums, x[at] - pivot, tangentAt != 0 ? x[at + tangentAt] : 0f);
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

    private static Action ForwardGpu(GpuDevice gpu, Terms terms)
    {
        Extents s = terms.Extents;
        var statisticsKernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, Extents, int>(StatisticsKernel);
        var outputKernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, Extents, int>(
            OutputKernel);
        (KernelConfig grid, int tileGroups) = TilesOf(gpu, s);
        int walkers = WalkersOf(s);
        return () =>
        {
            ArrayView<float> x = terms.X.View, statistics = terms.Statistics.View;
            statisticsKernel(gpu.Stream, grid, x, statistics, s, tileGroups);
            outputKernel(
                gpu.Stream, s.Images * walkers * s.Channels, x, terms.Y.View, terms.Weight.View, terms.Bias.View,
                (terms.Modulation ?? terms.Weight).View, statistics, s, walkers);
        };
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
