using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Three launches: sums over the pixels of an image, with the gradient of the modulation; dx; sums over the images. A switch for a gradient is 0 to
/// overwrite it, 1 to add to it and -1 to skip it.
/// </summary>
public static partial class GroupNorm
{
    internal static void BackwardSumsKernel<T>(
        ArrayView<T> x, ArrayView<T> dy, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> modulation,
        ArrayView<float> statistics, ArrayView<float> channelSums, ArrayView<float> groupMeans, ArrayView<float> dModulation, int write,
        Extents s, int tileGroups)
        where T : unmanaged, IElement<T>
    {
        Tile tile = TileOf(s, tileGroups);
        ArrayView<float> shared = SharedMemory.Allocate<float>(2 * MaxGroup);
        int span = IntrinsicMath.Min(s.GroupChannels, tile.Width);
        bool first = Group.IdxX < tile.Width && Group.IdxX < tile.Columns && Group.IdxX % span == 0;
        float sum = 0f, projection = 0f;
        for (int start = 0; start < tile.Columns; start += tile.Width)
        {
            int column = start + Group.IdxX % tile.Width, channel = tile.FirstChannel + column;
            bool inside = column < tile.Columns;
            GroupStatistics of = default;
            ChannelWeights weights = default;
            Sums sums = default;
            if (inside)
            {
                of = StatisticsOf(statistics, tile.Image, channel, s, 0);
                weights = WeightsOf(weight, bias, modulation, tile.Image, channel, s);
                if (tile.Lane < tile.Lanes)
                    sums = AccumulateBackward(x, dy, tile.Image * s.Pixels * s.Channels + channel, ForwardAffine(of, weights), tile, s);
            }

            shared[Group.IdxX] = sums.D;
            shared[Group.IdxX + MaxGroup] = sums.DT;
            SumLanes(shared, tile, 2);
            if (inside && tile.Lane == 0)
            {
                float dShift = shared[Group.IdxX], dz = of.Rho * shared[Group.IdxX + MaxGroup] + of.Offset * dShift;
                int at = tile.Image * s.Channels + channel;
                channelSums[at] = dShift;
                channelSums[at + s.Images * s.Channels] = dz;
                if (write >= 0)
                {
                    at += tile.Image * s.Channels;
                    Write(dModulation, at, weights.Weight * dz + weights.Bias * dShift, write);
                    Write(dModulation, at + s.Channels, dShift, write);
                }

                shared[Group.IdxX] = weights.Weight * weights.Scale * dShift;
                shared[Group.IdxX + MaxGroup] = weights.Weight * weights.Scale * dz;
            }

            Group.Barrier();
            if (first)
            {
                sum += SumColumns(shared, Group.IdxX, span);
                projection += SumColumns(shared, Group.IdxX + MaxGroup, span);
            }

            Group.Barrier();
        }

        if (!first)
            return;
        int target = tile.Image * s.Groups + tile.FirstGroup + Group.IdxX / span;
        groupMeans[target] = sum / (s.Pixels * s.GroupChannels);
        groupMeans[target + s.Images * s.Groups] = projection / (s.Pixels * s.GroupChannels);
    }

    internal static void BackwardInputKernel<T>(
        Index1D i, ArrayView<T> x, ArrayView<T> dy, ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> modulation,
        ArrayView<float> statistics, ArrayView<float> groupMeans, ArrayView<T> dx, int write, Extents s, int walkers)
        where T : unmanaged, IElement<T>
    {
        Walk walk = WalkOf(i, s, walkers);
        int group = walk.Image * s.Groups + walk.Channel / s.GroupChannels;
        Affine k = BackwardAffine(
            StatisticsOf(statistics, walk.Image, walk.Channel, s, 0), WeightsOf(weight, bias, modulation, walk.Image, walk.Channel, s),
            groupMeans[group], groupMeans[group + s.Images * s.Groups]);
        int at = walk.Start, step = walk.Step;
        for (; walk.End - at > 3 * step; at += 4 * step)
        {
            float x0 = T.ToSingle(x[at]), x1 = T.ToSingle(x[at + step]), x2 = T.ToSingle(x[at + 2 * step]), x3 = T.ToSingle(x[at + 3 * step]);
            float g0 = T.ToSingle(dy[at]), g1 = T.ToSingle(dy[at + step]), g2 = T.ToSingle(dy[at + 2 * step]), g3 = T.ToSingle(dy[at + 3 * step]);
            float there0 = 0f, there1 = 0f, there2 = 0f, there3 = 0f;
            if (write != 0)
            {
                there0 = T.ToSingle(dx[at]);
                there1 = T.ToSingle(dx[at + step]);
                there2 = T.ToSingle(dx[at + 2 * step]);
                there3 = T.ToSingle(dx[at + 3 * step]);
            }

            dx[at] = T.FromSingle(there0 + InputCotangent(x0, g0, k, s.Silu));
            dx[at + step] = T.FromSingle(there1 + InputCotangent(x1, g1, k, s.Silu));
            dx[at + 2 * step] = T.FromSingle(there2 + InputCotangent(x2, g2, k, s.Silu));
            dx[at + 3 * step] = T.FromSingle(there3 + InputCotangent(x3, g3, k, s.Silu));
        }

        for (; at < walk.End; at += step)
        {
            float there = write != 0 ? T.ToSingle(dx[at]) : 0f;
            dx[at] = T.FromSingle(there + InputCotangent(T.ToSingle(x[at]), T.ToSingle(dy[at]), k, s.Silu));
        }
    }

    /// <summary>Each thread group sums up to 8 channels, one sector, and its threads share the images; the order of sums is fixed.</summary>
    internal static void BackwardWeightsKernel(
        ArrayView<float> channelSums, ArrayView<float> modulation, ArrayView<float> dWeight, ArrayView<float> dBias,
        int writeWeight, int writeBias, Extents s)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(2 * MaxGroup);
        int width = WeightColumns(Group.DimX);
        var tile = new Tile { Width = width, Lanes = Group.DimX / width, Lane = Group.IdxX / width };
        int channel = Grid.IdxX * width + Group.IdxX % width;
        float bias = 0f, weight = 0f;
        if (channel < s.Channels)
        {
            for (int n = tile.Lane; n < s.Images; n += tile.Lanes)
            {
                int at = n * s.Channels + channel;
                float scale = s.Modulated != 0 ? modulation[at + n * s.Channels] : 1f;
                bias += scale * channelSums[at];
                weight += scale * channelSums[at + s.Images * s.Channels];
            }
        }

        shared[Group.IdxX] = bias;
        shared[Group.IdxX + MaxGroup] = weight;
        SumLanes(shared, tile, 2);
        if (channel >= s.Channels || tile.Lane != 0)
            return;
        if (writeBias >= 0)
            Write(dBias, channel, shared[Group.IdxX], writeBias);
        if (writeWeight >= 0)
            Write(dWeight, channel, shared[Group.IdxX + MaxGroup], writeWeight);
    }

    /// <summary>Sums dh (as D) and d dh (as DT) over the pixels of one lane.</summary>
    private static Sums AccumulateBackward<T>(ArrayView<T> x, ArrayView<T> dy, int start, Affine k, Tile tile, Extents s)
        where T : unmanaged, IElement<T>
    {
        Sums sums = default;
        int step = tile.Lanes * s.Channels, at = start + tile.Lane * s.Channels, end = start + s.Pixels * s.Channels;
        for (; end - at > 3 * step; at += 4 * step)
        {
            float x0 = T.ToSingle(x[at]), x1 = T.ToSingle(x[at + step]), x2 = T.ToSingle(x[at + 2 * step]), x3 = T.ToSingle(x[at + 3 * step]);
            float g0 = T.ToSingle(dy[at]), g1 = T.ToSingle(dy[at + step]), g2 = T.ToSingle(dy[at + 2 * step]), g3 = T.ToSingle(dy[at + 3 * step]);
            sums = PlusCotangent(sums, x0, g0, k, s.Silu);
            sums = PlusCotangent(sums, x1, g1, k, s.Silu);
            sums = PlusCotangent(sums, x2, g2, k, s.Silu);
            sums = PlusCotangent(sums, x3, g3, k, s.Silu);
        }

        for (; at < end; at += step)
            sums = PlusCotangent(sums, T.ToSingle(x[at]), T.ToSingle(dy[at]), k, s.Silu);
        return sums;
    }

    private static Sums PlusCotangent(Sums sums, float x, float dy, Affine k, int silu)
    {
        float d = x - k.Pivot, dh = dy * Activate(d * k.A + k.B, silu).Slope;
        sums.D += dh;
        sums.DT += d * dh;
        return sums;
    }

    private static float InputCotangent(float x, float dy, Affine k, int silu)
    {
        float d = x - k.Pivot;
        return dy * Activate(d * k.A + k.B, silu).Slope * k.A + (d * k.E + k.F);
    }

    private static void Write(ArrayView<float> target, int at, float value, int add) => target[at] = add != 0 ? target[at] + value : value;

    private static int WeightColumns(int threads) => IntrinsicMath.Min(SectorChannels, threads / 2);

    private static int WriteMode(GradientSlot? slot) => slot?.Add ?? -1;

    /// <summary>Launches everything but the sums over images.</summary>
    private static Action BackwardPortable<T>(GpuDevice gpu, Terms terms, Gradients gradients)
        where T : unmanaged, IElement<T>
    {
        Extents s = terms.Extents;
        var sumsKernel = gpu.Accelerator.LoadKernel<
            ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            ArrayView<float>, ArrayView<float>, int, Extents, int>(BackwardSumsKernel);
        var inputKernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<T>, ArrayView<T>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>,
            ArrayView<float>, ArrayView<T>, int, Extents, int>(BackwardInputKernel);
        (KernelConfig grid, int tileGroups) = TilesOf(gpu, s);
        int walkers = WalkersOf(s);
        return () =>
        {
            ArrayView<T> x = terms.X.ViewOf<T>(), dy = gradients.Dy.ViewOf<T>();
            ArrayView<float> sums = gradients.ChannelSums.View, means = gradients.GroupMeans.View;
            ArrayView<float> weight = terms.Weight.View, bias = terms.Bias.View, statistics = terms.Statistics.View;
            ArrayView<float> modulation = (terms.Modulation ?? terms.Weight).View;
            sumsKernel(
                gpu.Stream, grid, x, dy, weight, bias, modulation, statistics, sums, means,
                gradients.Modulation?.Tensor.View ?? sums, WriteMode(gradients.Modulation), s, tileGroups);
            if (gradients.X is not { } dx)
                return;
            inputKernel(
                gpu.Stream, s.Images * walkers * s.Channels, x, dy, weight, bias, modulation, statistics, means,
                dx.Tensor.ViewOf<T>(), dx.Add, s, walkers);
        };
    }

    private static Action SumOverImagesGpu(GpuDevice gpu, Terms terms, Gradients gradients)
    {
        Extents s = terms.Extents;
        var kernel = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, Extents>(BackwardWeightsKernel);
        int columns = WeightColumns(gpu.ReductionGroup);
        var grid = new KernelConfig((s.Channels + columns - 1) / columns, gpu.ReductionGroup);
        return () =>
        {
            ArrayView<float> sums = gradients.ChannelSums.View;
            kernel(
                gpu.Stream, grid, sums, (terms.Modulation ?? terms.Weight).View,
                gradients.Weight?.Tensor.View ?? sums, gradients.Bias?.Tensor.View ?? sums,
                WriteMode(gradients.Weight), WriteMode(gradients.Bias), s);
        };
    }
}
