using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The assignment of elements to threads, and sums over a tile in a fixed order.</summary>
public static partial class GroupNorm
{
    /// <summary>
    /// Divides an image into tiles. A thread group covers whole normalisation groups; more than one only if each thread then has one channel. Tiles
    /// are wider if there are fewer pixels, so that every thread has some to read.
    /// </summary>
    private static (KernelConfig Grid, int TileGroups) TilesOf(GpuDevice gpu, Extents s)
    {
        int threads = gpu.ReductionGroup;
        int channels = Math.Min(threads, Math.Max(SectorChannels, threads * PixelsPerThread / s.Pixels));
        int tileGroups = Math.Clamp(channels / s.GroupChannels, 1, s.Groups);
        return (new KernelConfig(s.Images * ((s.Groups + tileGroups - 1) / tileGroups), threads), tileGroups);
    }

    private static int WalkersOf(Extents s) => (s.Pixels + PixelsPerThread - 1) / PixelsPerThread;

    private static Tile TileOf(Extents s, int tileGroups)
    {
        int tiles = (s.Groups + tileGroups - 1) / tileGroups;
        int firstGroup = Grid.IdxX % tiles * tileGroups;
        int width = IntrinsicMath.Min(tileGroups * s.GroupChannels, Group.DimX);
        int lanes = Group.DimX / width, lane = Group.IdxX / width;
        int columns = IntrinsicMath.Min(tileGroups * s.GroupChannels, s.Channels - firstGroup * s.GroupChannels);
        return new Tile
        {
            Image = Grid.IdxX / tiles,
            FirstGroup = firstGroup,
            FirstChannel = firstGroup * s.GroupChannels,
            Columns = columns,
            Width = width,
            Lanes = lanes,
            Lane = lane,
            FirstColumn = lane < lanes ? Group.IdxX % width : columns,
        };
    }

    private static Walk WalkOf(int thread, Extents s, int walkers)
    {
        int pixel = thread / s.Channels, image = pixel / walkers; // each image has "walkers" threads a channel, which begin at its first pixels
        int channel = thread - pixel * s.Channels, size = s.Pixels * s.Channels;
        return new Walk
        {
            Image = image,
            Channel = channel,
            Start = image * size + (pixel - image * walkers) * s.Channels + channel,
            End = (image + 1) * size,
            Step = walkers * s.Channels,
        };
    }

    /// <summary>Adds the lanes of each column by halves; the results are in lane 0. Sum k begins at k <see cref="MaxGroup"/>.</summary>
    private static void SumLanes(ArrayView<float> shared, Tile tile, int sums)
    {
        Group.Barrier();
        for (int count = tile.Lanes; count > 1;)
        {
            int half = (count + 1) / 2;
            if (tile.Lane + half < count)
                for (int at = Group.IdxX; at < sums * MaxGroup; at += MaxGroup)
                    shared[at] += shared[at + half * tile.Width];
            Group.Barrier();
            count = half;
        }
    }

    private static float SumColumns(ArrayView<float> shared, int first, int count)
    {
        float sum = 0f;
        for (int i = first; i < first + count; i++)
            sum += shared[i];
        return sum;
    }

    private static GroupStatistics StatisticsOf(ArrayView<float> statistics, int image, int channel, Extents s, int tangent)
    {
        int plane = s.Images * s.Groups, at = image * s.Groups + channel / s.GroupChannels;
        var of = new GroupStatistics { Pivot = statistics[at], Rho = statistics[at + plane], Offset = statistics[at + 2 * plane] };
        if (tangent != 0)
        {
            of.TangentMean = statistics[at + 3 * plane];
            of.TangentProjection = statistics[at + 4 * plane];
        }

        return of;
    }

    private static ChannelWeights WeightsOf(
        ArrayView<float> weight, ArrayView<float> bias, ArrayView<float> modulation, int image, int channel, Extents s)
    {
        var of = new ChannelWeights { Weight = weight[channel], Bias = bias[channel], Scale = 1f };
        int at = 2 * image * s.Channels + channel;
        if (s.Modulated != 0)
        {
            of.Scale = modulation[at];
            of.Shift = modulation[at + s.Channels];
        }

        if (s.ModulationTangent != 0)
        {
            at += 2 * s.Images * s.Channels;
            of.TangentScale = modulation[at];
            of.TangentShift = modulation[at + s.Channels];
        }

        return of;
    }

    /// <summary>The elements that a thread group reads: "Columns" channels of an image. A thread reads every Lanes-th pixel of one of "Width" columns.</summary>
    internal struct Tile
    {
        public int Image;
        public int FirstGroup;
        public int FirstChannel;
        public int Columns;
        public int Width;
        public int Lanes;
        public int Lane;

        /// <summary>The thread's first column; beyond the last if the thread has nothing to read.</summary>
        public int FirstColumn;
    }

    /// <summary>The elements of a thread: one channel of an image, every Step-th element from Start to before End.</summary>
    internal struct Walk
    {
        public int Image;
        public int Channel;
        public int Start;
        public int End;
        public int Step;
    }
}
