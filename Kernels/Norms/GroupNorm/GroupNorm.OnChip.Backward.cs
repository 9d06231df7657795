using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The fast backward pass over bf16: one launch for dx, the modulation's gradient and the sums of each image. See <see cref="OnChipTiling"/>.</summary>
public static partial class GroupNorm
{
    /// <param name="x">Address of x.</param>
    /// <param name="dy">Address of dy.</param>
    /// <param name="dx">Address of dx.</param>
    /// <param name="weight">Address of (C).</param>
    /// <param name="bias">Address of (C).</param>
    /// <param name="modulation">Address of (N, 2 C).</param>
    /// <param name="statistics">Address of planes of (N, groups).</param>
    /// <param name="channelSums">Address of (2, N, C), see Gradients.</param>
    /// <param name="dModulation">Address of (N, 2 C).</param>
    /// <param name="images">N.</param>
    /// <param name="pixels">H W.</param>
    /// <param name="channels">C.</param>
    /// <param name="groupChannels">Channels of a group.</param>
    /// <param name="tiles">Tiles of an image.</param>
    /// <param name="vectors">Runs of 8 channels in a tile.</param>
    /// <param name="rows">Pixels that a block takes at once.</param>
    /// <param name="clusterBits">Logarithm to base 2 of the blocks in a cluster.</param>
    /// <param name="tileBytes">Bytes of the tiles in shared memory.</param>
    /// <param name="modulated">1 with a modulation.</param>
    /// <param name="write">How to write the modulation's gradient: 0 overwrites, 1 adds, -1 leaves it out.</param>
    /// <param name="input">1 if dx is wanted.</param>
    /// <param name="xSkip">Address of the last channels of x, where x has only the first; so is the following.</param>
    /// <param name="dxSkip">Address of their gradient.</param>
    /// <param name="firstChannels">Channels of x, where <paramref name="xSkip"/> has the others; else C.</param>
    /// <param name="adds">1 to add to dx, 2 to add to dxSkip, or both.</param>
    /// <param name="deferred">Address of what dx takes along, like x.</param>
    /// <param name="deferredSkip">Address of what dxSkip takes along.</param>
    /// <param name="factor">Its factor in dx.</param>
    /// <param name="factorSkip">Its factor in dxSkip.</param>
    /// <param name="takes">1 if dx takes something along, 2 if dxSkip does, or both.</param>
    /// <param name="half">0.5 with SiLU, else 1.</param>
    /// <param name="counter">Address of step and first sample, with dropout; so are the following.</param>
    /// <param name="purpose">What the random numbers are for.</param>
    /// <param name="key0">Lower word of the seed.</param>
    /// <param name="key1">Upper word of the seed.</param>
    /// <param name="limit">Least word whose element stays.</param>
    /// <param name="keep">Factor of an element that stays.</param>
    internal static void OnChipBackwardKernel(
        long x, long dy, long dx, long weight, long bias, long modulation, long statistics, long channelSums, long dModulation,
        int images, int pixels, int channels, int groupChannels, int tiles, int vectors, int rows, int clusterBits, int tileBytes, int modulated, int write,
        int input, long xSkip, long dxSkip, int firstChannels, int adds, long deferred, long deferredSkip, float factor, float factorSkip, int takes, float half,
        long counter, int purpose, int key0, int key1, int limit, float keep)
    {
        OnChipTile s = OnChipTileOf(images, pixels, tiles, vectors, rows, clusterBits, tileBytes);
        long offset = 2L * (((long)s.Image * pixels + s.Begin + s.Row) * channels + s.FirstChannel + 8 * s.Column);
        long stepBytes = 2L * s.Rows * channels;
        // A run of channels lies wholly in one of the sources of x, whose pixels are as far apart as it has channels; a tile may lie in both.
        int run = s.FirstChannel + 8 * s.Column;
        bool second = run >= firstChannels;
        int sourceChannels = second ? channels - firstChannels : firstChannels;
        long source = 2L * (((long)s.Image * pixels + s.Begin + s.Row) * sourceChannels + (second ? run - firstChannels : run));
        long sourceStep = 2L * s.Rows * sourceChannels, to = (second ? dxSkip : dx) + source, from = (second ? xSkip : x) + source;
        long waiting = (second ? deferredSkip : deferred) + source;
        int adding = second ? adds >> 1 : adds & 1, taking = second ? takes >> 1 : takes & 1;
        int tileStep = 32 * Group.DimX, lane = Group.IdxX;
        CudaAsm.Emit("@@declare");
        CudaAsm.Emit("@@factor %0;", second ? factorSkip : factor);
        CudaAsm.Emit("@@stream %0, %1, %2, %3, %4, %5, %6;", counter, s.Image, purpose, key0, key1, limit, keep);
        if (lane < s.Channels)
        {
            int groups = channels / groupChannels;
            long plane = 4L * images * groups;
            long kept = statistics + 4L * (s.Image * groups + (s.FirstChannel + lane) / groupChannels);
            CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Pivot), kept);
            CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Rho), kept + plane);
            CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Offset), kept + 2 * plane);
            FetchWeights(s, weight, bias, modulation, channels, modulated);
        }

        CudaAsm.Emit("@@commit");
        long cotangent = dy + offset;
        int at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@load %0, %1, %2;", at, from, cotangent);
            from += sourceStep;
            cotangent += stepBytes;
            at += tileStep;
        }

        CudaAsm.Emit("@@nothing");
        CudaAsm.Emit("@@next %0, %1;", to, s.Begin + s.Row < s.End ? adding : 0);
        CudaAsm.Emit("@@next %0, %1;", to + sourceStep, s.Begin + s.Row + s.Rows < s.End ? adding : 0);
        CudaAsm.Emit("@@nothingDeferred");
        CudaAsm.Emit("@@nextDeferred %0, %1;", waiting, s.Begin + s.Row < s.End ? taking : 0);
        CudaAsm.Emit("@@nextDeferred %0, %1;", waiting + sourceStep, s.Begin + s.Row + s.Rows < s.End ? taking : 0);

        CudaAsm.Emit("@@fetched");
        if (lane < s.Channels)
            PutCoefficients(s, ForwardAffine(ReadStatistics(s), ReadWeights(s, modulated)), half);
        CudaAsm.Emit("@@arrived");
        Group.Barrier();
        CudaAsm.Emit("@@coefficients %0, %1;", 4 * (s.Tables + 8 * s.Column), 4 * s.Channels);
        at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@words %0;", BlockOf(s, pixel, channels));
            CudaAsm.Emit("@@mask %0;", at);
            CudaAsm.Emit("@@accumulate %0;", at);
            at += tileStep;
        }

        CudaAsm.Emit("@@publish %0;", 4 * (s.Scratch + lane));
        SumRows(s, 0);
        CudaAsm.Emit("@@publishTangent %0;", 4 * (s.Scratch + lane));
        SumRows(s, 1);
        SumCluster(s, 2);
        FinishSums(s, channelSums, dModulation, images, pixels, channels, groupChannels, modulated, write, half);
        if (input != 0)
        {
            CudaAsm.Emit("@@coefficients %0, %1;", 4 * (s.Tables + 8 * s.Column), 4 * s.Channels);
            at = 16 * lane;
            for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
            {
                CudaAsm.Emit("@@write %0, %1;", at, to);
                CudaAsm.Emit("@@next %0, %1;", to + 2 * sourceStep, pixel + 2 * s.Rows < s.End ? adding : 0);
                CudaAsm.Emit("@@nextDeferred %0, %1;", waiting + 2 * sourceStep, pixel + 2 * s.Rows < s.End ? taking : 0);
                to += sourceStep;
                waiting += sourceStep;
                at += tileStep;
            }
        }

        CudaAsm.Emit("@@leave");
    }

    /// <summary>A thread a channel: its sums, the modulation's gradient, the means of its group, and the coefficients of dx.</summary>
    private static void FinishSums(
        OnChipTile s, long channelSums, long dModulation, int images, int pixels, int channels, int groupChannels, int modulated, int write, float half)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int lane = Group.IdxX;
        GroupStatistics of = default;
        ChannelWeights weights = default;
        if (lane < s.Channels)
        {
            of = ReadStatistics(s);
            weights = ReadWeights(s, modulated);
            int from = s.Sums + (lane & 7) * s.Vectors + lane / 8;
            float dShift = half * shared[from];
            float dz = of.Rho * (half * shared[from + OnChipTiling.SumsAtOnce * s.Vectors]) + of.Offset * dShift;
            shared[s.Scratch + lane] = weights.Weight * weights.Scale * dShift;
            shared[s.Scratch + Group.DimX + lane] = weights.Weight * weights.Scale * dz;
            if (s.Rank == 0)
            {
                int channel = s.FirstChannel + lane;
                long target = channelSums + 4L * (s.Image * channels + channel);
                CudaAsm.Emit("@@store %0, %1;", target, dShift);
                CudaAsm.Emit("@@store %0, %1;", target + 4L * images * channels, dz);
                target = dModulation + 4L * (2 * s.Image * channels + channel);
                float dScale = weights.Weight * dz + weights.Bias * dShift;
                if (write == 0)
                {
                    CudaAsm.Emit("@@store %0, %1;", target, dScale);
                    CudaAsm.Emit("@@store %0, %1;", target + 4L * channels, dShift);
                }

                if (write > 0)
                {
                    CudaAsm.Emit("@@add %0, %1;", target, dScale);
                    CudaAsm.Emit("@@add %0, %1;", target + 4L * channels, dShift);
                }
            }
        }

        Group.Barrier();
        if (lane < s.Channels)
        {
            float mean = 0f, projection = 0f;
            int first = s.Scratch + lane - lane % groupChannels;
            for (int at = first; at < first + groupChannels; at++)
            {
                mean += shared[at];
                projection += shared[at + Group.DimX];
            }

            float count = pixels * groupChannels;
            PutCoefficients(s, BackwardAffine(of, weights, mean / count, projection / count), half);
        }

        Group.Barrier();
    }

    private static GroupStatistics ReadStatistics(OnChipTile s)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int at = s.Tables + Group.IdxX;
        return new GroupStatistics
        {
            Pivot = shared[at],
            Rho = shared[at + OnChipTile.Rho * s.Channels],
            Offset = shared[at + OnChipTile.Offset * s.Channels],
        };
    }

    private static Action BackwardOnChip(GpuDevice gpu, Terms terms, Gradients gradients, OnChipTiling tiling)
    {
        Extents s = terms.Extents;
        bool input = gradients.X is not null || gradients.XSkip is not null;
        int adds = (gradients.X?.Add ?? 0) + 2 * (gradients.XSkip?.Add ?? 0);
        (DeferredGradient? deferred, DeferredGradient? deferredSkip) = (gradients.Deferred, gradients.DeferredSkip);
        int takes = (deferred is null ? 0 : 1) + (deferredSkip is null ? 0 : 2);
        PtxKernel kernel = PtxKernel.Load(gpu, OnChipText.Backward(tiling, OnChipText.Architecture(gpu), s.Silu != 0, adds != 0, takes != 0, terms.Dropout is not null));
        int tiles = s.Channels / tiling.Channels;
        RandomStream stream = terms.Dropout?.Stream ?? default;
        return () =>
        {
            long sums = gradients.ChannelSums.Address;
            kernel.Launch(
                s.Images * tiles * tiling.Cluster, terms.X.Address, gradients.Dy.Address, gradients.X?.Tensor.Address ?? sums, terms.Weight.Address,
                terms.Bias.Address, (terms.Modulation ?? terms.Weight).Address, terms.Statistics.Address, sums,
                gradients.Modulation?.Tensor.Address ?? sums, s.Images, s.Pixels, s.Channels, s.GroupChannels, tiles,
                tiling.Vectors, tiling.Rows, tiling.ClusterBits, tiling.TileBytes(2), s.Modulated, WriteMode(gradients.Modulation), input ? 1 : 0,
                (terms.XSkip ?? terms.X).Address, gradients.XSkip?.Tensor.Address ?? sums, terms.XSkip is null ? s.Channels : terms.X.Shape.C, adds,
                deferred?.Cotangent.Address ?? sums, deferredSkip?.Cotangent.Address ?? sums, deferred?.Factor ?? 0f, deferredSkip?.Factor ?? 0f, takes, s.Silu != 0 ? 0.5f : 1f,
                terms.Dropout?.Counter.Address ?? sums, (int)stream.Purpose, (int)stream.Key0, (int)stream.Key1, (int)(terms.Dropout?.Limit ?? 0), terms.Dropout?.Scale ?? 1f);
        };
    }
}
