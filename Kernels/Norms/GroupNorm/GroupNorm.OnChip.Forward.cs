using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The fast forward pass over bf16: one launch, statistics and output. See <see cref="OnChipTiling"/>.</summary>
public static partial class GroupNorm
{
    /// <param name="x">Address of x; behind the primal the tangent, if there is one.</param>
    /// <param name="y">Address of y, likewise.</param>
    /// <param name="weight">Address of (C).</param>
    /// <param name="bias">Address of (C).</param>
    /// <param name="modulation">Address of (N, 2 C).</param>
    /// <param name="statistics">Address of planes of (N, groups).</param>
    /// <param name="images">N.</param>
    /// <param name="pixels">H W.</param>
    /// <param name="channels">C.</param>
    /// <param name="groupChannels">Channels of a group.</param>
    /// <param name="tiles">Tiles of an image.</param>
    /// <param name="vectors">Runs of 8 channels in a tile.</param>
    /// <param name="rows">Pixels that a block takes at once.</param>
    /// <param name="clusterBits">Logarithm to base 2 of the blocks in a cluster.</param>
    /// <param name="tileBytes">Bytes of the tiles in shared memory.</param>
    /// <param name="modulated">0, or 1 with a modulation, or 2 if that carries a tangent.</param>
    /// <param name="tangent">1 if x carries one.</param>
    /// <param name="xSkip">Address of the last channels of x, where x has only the first.</param>
    /// <param name="firstChannels">Channels of x, where <paramref name="xSkip"/> has the others; else C.</param>
    /// <param name="half">0.5 with SiLU, else 1: what the text takes coefficients times.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="counter">Address of step and first sample, with dropout; so are the following.</param>
    /// <param name="purpose">What the random numbers are for.</param>
    /// <param name="key0">Lower word of the seed.</param>
    /// <param name="key1">Upper word of the seed.</param>
    /// <param name="limit">Least word whose element stays.</param>
    /// <param name="keep">Factor of an element that stays.</param>
    internal static void OnChipForwardKernel(
        long x, long y, long weight, long bias, long modulation, long statistics, int images, int pixels, int channels,
        int groupChannels, int tiles, int vectors, int rows, int clusterBits, int tileBytes, int modulated, int tangent, long xSkip, int firstChannels, float half, float epsilon,
        long counter, int purpose, int key0, int key1, int limit, float keep)
    {
        OnChipTile s = OnChipTileOf(images, pixels, tiles, vectors, rows, clusterBits, tileBytes);
        long imageBytes = 2L * pixels * channels, tangentBytes = imageBytes * images;
        long offset = imageBytes * s.Image + 2L * ((long)(s.Begin + s.Row) * channels + s.FirstChannel + 8 * s.Column);
        long stepBytes = 2L * s.Rows * channels;
        // A run of channels lies wholly in one of the sources of x, whose pixels are as far apart as it has channels; a tile may lie in both.
        int run = s.FirstChannel + 8 * s.Column;
        bool second = run >= firstChannels;
        int sourceChannels = second ? channels - firstChannels : firstChannels;
        long sourceStep = 2L * s.Rows * sourceChannels, sourceTangent = 2L * images * pixels * sourceChannels;
        int tileStep = 16 * (1 + tangent) * Group.DimX, lane = Group.IdxX;
        CudaAsm.Emit("@@declare");
        CudaAsm.Emit("@@stream %0, %1, %2, %3, %4, %5, %6;", counter, s.Image, purpose, key0, key1, limit, keep);
        if (lane < s.Channels)
        {
            int channel = s.FirstChannel + lane;
            int pivot = channel - channel % groupChannels; // the first channel of the group, whose first pixel all of it take
            long pixelBytes = 2L * s.Image * pixels;
            CudaAsm.Emit("@@peek %0;", pivot >= firstChannels ? xSkip + pixelBytes * (channels - firstChannels) + 2 * (pivot - firstChannels) : x + pixelBytes * firstChannels + 2 * pivot);
            FetchWeights(s, weight, bias, modulation, channels, modulated);
            if (modulated > 1)
            {
                long tangents = modulation + 4L * (2 * (images + s.Image) * channels + channel);
                CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.TangentScale), tangents);
                CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.TangentShift), tangents + 4L * channels);
            }
        }

        long from = (second ? xSkip : x) + 2L * (((long)s.Image * pixels + s.Begin + s.Row) * sourceChannels + (second ? run - firstChannels : run));
        int at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@load %0, %1, %2;", at, from, from + sourceTangent);
            from += sourceStep;
            at += tileStep;
        }

        if (lane < s.Channels)
            CudaAsm.Emit("@@widen %0;", TableOf(s, OnChipTile.Pivot)); // only now, so that nobody waits before all loads are under way
        CudaAsm.Emit("@@arrived");
        Group.Barrier();
        CudaAsm.Emit("@@pivots %0;", 4 * (s.Tables + 8 * s.Column));
        at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@accumulate %0;", at);
            at += tileStep;
        }

        CudaAsm.Emit("@@publish %0;", 4 * (s.Scratch + lane));
        SumRows(s, 0);
        if (tangent != 0)
        {
            CudaAsm.Emit("@@publishTangent %0;", 4 * (s.Scratch + lane));
            SumRows(s, 1);
        }

        SumCluster(s, 1 + tangent);
        if (lane < s.Channels)
            FinishStatistics(s, statistics, images, pixels, channels, groupChannels, modulated, tangent, half, epsilon);
        Group.Barrier();
        CudaAsm.Emit("@@coefficients %0, %1;", 4 * (s.Tables + 8 * s.Column), 4 * s.Channels);
        long to = y + offset;
        at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@words %0;", BlockOf(s, pixel, channels));
            CudaAsm.Emit("@@write %0, %1, %2;", at, to, to + tangentBytes);
            to += stepBytes;
            at += tileStep;
        }

        CudaAsm.Emit("@@leave");
    }

    /// <summary>A thread a channel: statistics of its group, which the group's first keeps, and the channel's coefficients.</summary>
    private static void FinishStatistics(
        OnChipTile s, long statistics, int images, int pixels, int channels, int groupChannels, int modulated, int tangent, float half, float epsilon)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int lane = Group.IdxX, first = lane - lane % groupChannels;
        Sums sums = default;
        for (int c = first; c < first + groupChannels; c += 2)
        {
            int at = s.Sums + (c / 2 % 4) * s.Vectors + c / 8, quarter = 4 * s.Vectors;
            sums.D += shared[at];
            sums.DD += shared[at + quarter];
            if (tangent != 0)
            {
                sums.T += shared[at + 2 * quarter];
                sums.DT += shared[at + 3 * quarter];
            }
        }

        GroupStatistics of = StatisticsFrom(
            shared[s.Tables + lane], sums.D, sums.DD, sums.T, sums.DT, pixels * groupChannels, epsilon);
        ChannelWeights weights = ReadWeights(s, modulated);
        if (modulated > 1)
        {
            weights.TangentScale = shared[s.Tables + OnChipTile.TangentScale * s.Channels + lane];
            weights.TangentShift = shared[s.Tables + OnChipTile.TangentShift * s.Channels + lane];
        }

        Affine k = ForwardAffine(of, weights);
        k.E *= half;
        k.F *= half;
        PutCoefficients(s, k, half);
        if (s.Rank != 0 || lane != first)
            return;
        long plane = 4L * images * (channels / groupChannels);
        long target = statistics + 4L * (s.Image * (channels / groupChannels) + (s.FirstChannel + lane) / groupChannels);
        CudaAsm.Emit("@@store %0, %1;", target, of.Pivot);
        CudaAsm.Emit("@@store %0, %1;", target + plane, of.Rho);
        CudaAsm.Emit("@@store %0, %1;", target + 2 * plane, of.Offset);
        if (tangent == 0)
            return;
        CudaAsm.Emit("@@store %0, %1;", target + 3 * plane, of.TangentMean);
        CudaAsm.Emit("@@store %0, %1;", target + 4 * plane, of.TangentProjection);
    }

    private static Action ForwardOnChip(GpuDevice gpu, Terms terms, OnChipTiling tiling)
    {
        Extents s = terms.Extents;
        PtxKernel kernel = PtxKernel.Load(gpu, OnChipText.Forward(tiling, OnChipText.Architecture(gpu), s.Tangent != 0, s.Silu != 0, terms.Dropout is not null));
        int tiles = s.Channels / tiling.Channels;
        RandomStream stream = terms.Dropout?.Stream ?? default;
        return () => kernel.Launch(
            s.Images * tiles * tiling.Cluster, terms.X.Address, terms.Y.Address, terms.Weight.Address, terms.Bias.Address,
            (terms.Modulation ?? terms.Weight).Address, terms.Statistics.Address, s.Images, s.Pixels, s.Channels, s.GroupChannels,
            tiles, tiling.Vectors, tiling.Rows, tiling.ClusterBits, tiling.TileBytes(1 + s.Tangent), s.Modulated + s.ModulationTangent, s.Tangent,
            (terms.XSkip ?? terms.X).Address, terms.XSkip is null ? s.Channels : terms.X.Shape.C, s.Silu != 0 ? 0.5f : 1f, s.Epsilon, terms.Dropout?.Counter.Address ?? terms.Weight.Address, (int)stream.Purpose,
            (int)stream.Key0, (int)stream.Key1, (int)(terms.Dropout?.Limit ?? 0), terms.Dropout?.Scale ?? 1f);
    }
}
