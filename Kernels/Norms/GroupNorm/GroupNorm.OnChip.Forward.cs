using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The forward pass over tiles on the chip: statistics and output in one launch. See <see cref="OnChipTiling"/>.</summary>
public static partial class GroupNorm
{
    [PtxEntry]
    internal static void OnChipForwardKernel(OnChipForward a)
    {
        Extents e = a.In.Extents;
        OnChipTile s = OnChipTile.Of(e, a.In.Grid);
        long imageBytes = 2L * e.Pixels * e.Channels, tangentBytes = imageBytes * e.Images;
        long offset = imageBytes * s.Image + 2L * ((long)(s.Begin + s.Row) * e.Channels + s.FirstChannel + 8 * s.Column);
        long stepBytes = 2L * s.Rows * e.Channels;
        // A run of channels lies in x or in xSkip, never in both; a tile may lie in both. The distance of pixels is the number of channels of each.
        int run = s.FirstChannel + 8 * s.Column, firstChannels = a.In.FirstChannels;
        bool skip = run >= firstChannels;
        int sourceChannels = skip ? e.Channels - firstChannels : firstChannels;
        long sourceStep = 2L * s.Rows * sourceChannels, sourceTangent = 2L * e.Images * e.Pixels * sourceChannels;
        int tileStep = 16 * (1 + e.Tangent) * Group.DimX, lane = Group.IdxX;
        CudaAsm.Emit("@@declare");
        CudaAsm.Emit("@@stream %0, %1, %2, %3, %4, %5, %6;", a.In.Dropout.Counter, s.Image, a.In.Dropout.Stream.Purpose, a.In.Dropout.Stream.Key0, a.In.Dropout.Stream.Key1, a.In.Dropout.Limit, a.In.Dropout.Scale);
        if (lane < s.Channels)
        {
            int channel = s.FirstChannel + lane;
            int pivot = channel - channel % e.GroupChannels; // the pivot of a group is its first channel at the first pixel
            long firstPixel = 2L * s.Image * e.Pixels;
            CudaAsm.Emit("@@peek %0;", pivot >= firstChannels
                ? a.In.X.XSkip + firstPixel * (e.Channels - firstChannels) + 2 * (pivot - firstChannels)
                : a.In.X.X + firstPixel * firstChannels + 2 * pivot);
            FetchWeights(s, a.In);
            if (e.ModulationTangent != 0)
            {
                long tangents = a.In.Modulation + 4L * (2 * (e.Images + s.Image) * e.Channels + channel);
                CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.TangentScale), tangents);
                CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.TangentShift), tangents + 4L * e.Channels);
            }
        }

        long from = a.In.X.Of(skip) + 2L * (((long)s.Image * e.Pixels + s.Begin + s.Row) * sourceChannels + (skip ? run - firstChannels : run));
        int at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@load %0, %1, %2;", at, from, from + sourceTangent);
            from += sourceStep;
            at += tileStep;
        }

        if (lane < s.Channels)
            CudaAsm.Emit("@@widen %0;", TableOf(s, OnChipTile.Pivot)); // the load of the pivot is awaited only after all loads have started
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
        if (e.Tangent != 0)
        {
            CudaAsm.Emit("@@publishTangent %0;", 4 * (s.Scratch + lane));
            SumRows(s, 1);
        }

        SumCluster(s, 1 + e.Tangent);
        if (lane < s.Channels)
            FinishStatistics(s, a.In);
        Group.Barrier();
        CudaAsm.Emit("@@coefficients %0, %1;", 4 * (s.Tables + 8 * s.Column), 4 * s.Channels);
        long to = a.Y + offset;
        at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@words %0;", BlockOf(s, pixel, e.Channels));
            CudaAsm.Emit("@@write %0, %1, %2;", at, to, to + tangentBytes);
            to += stepBytes;
            at += tileStep;
        }

        CudaAsm.Emit("@@leave");
    }

    /// <summary>
    /// In one thread for each channel, computes the channel's coefficients and its group's statistics, which the thread of the group's first channel stores.
    /// </summary>
    private static void FinishStatistics(OnChipTile s, OnChipInputs a)
    {
        Extents e = a.Extents;
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int lane = Group.IdxX, first = lane - lane % e.GroupChannels;
        Sums sums = default;
        for (int c = first; c < first + e.GroupChannels; c += 2)
        {
            int at = s.Sums + (c / 2 % 4) * s.Vectors + c / 8, quarter = 4 * s.Vectors;
            sums.D += shared[at];
            sums.DD += shared[at + quarter];
            if (e.Tangent != 0)
            {
                sums.T += shared[at + 2 * quarter];
                sums.DT += shared[at + 3 * quarter];
            }
        }

        GroupStatistics of = StatisticsFrom(shared[s.Tables + lane], sums, e.Pixels * e.GroupChannels, e.Epsilon);
        ChannelWeights weights = ReadWeights(s, e.Modulated);
        if (e.ModulationTangent != 0)
        {
            weights.TangentScale = shared[s.Tables + OnChipTile.TangentScale * s.Channels + lane];
            weights.TangentShift = shared[s.Tables + OnChipTile.TangentShift * s.Channels + lane];
        }

        Affine k = ForwardAffine(of, weights);
        k.E *= a.Half;
        k.F *= a.Half;
        PutCoefficients(s, k, a.Half);
        if (s.Rank != 0 || lane != first)
            return;
        long plane = 4L * e.Images * (e.Channels / e.GroupChannels);
        long target = a.Statistics + 4L * (s.Image * (e.Channels / e.GroupChannels) + (s.FirstChannel + lane) / e.GroupChannels);
        CudaAsm.Emit("@@store %0, %1;", target, of.Pivot);
        CudaAsm.Emit("@@store %0, %1;", target + plane, of.Rho);
        CudaAsm.Emit("@@store %0, %1;", target + 2 * plane, of.Offset);
        if (e.Tangent == 0)
            return;
        CudaAsm.Emit("@@store %0, %1;", target + 3 * plane, of.TangentMean);
        CudaAsm.Emit("@@store %0, %1;", target + 4 * plane, of.TangentProjection);
    }
}
