using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>The backward pass over tiles on the chip: dx, the modulation's gradient and the sums of each image in one launch. See <see cref="OnChipTiling"/>.</summary>
public static partial class GroupNorm
{
    [PtxEntry]
    internal static void OnChipBackwardKernel(OnChipBackward a)
    {
        Extents e = a.In.Extents;
        OnChipTile s = OnChipTile.Of(e, a.In.Grid);
        long offset = 2L * (((long)s.Image * e.Pixels + s.Begin + s.Row) * e.Channels + s.FirstChannel + 8 * s.Column);
        long stepBytes = 2L * s.Rows * e.Channels;
        // A run of channels lies in x or in xSkip, never in both; a tile may lie in both. The distance of pixels is the number of channels of each.
        int run = s.FirstChannel + 8 * s.Column, firstChannels = a.In.FirstChannels;
        bool skip = run >= firstChannels;
        int sourceChannels = skip ? e.Channels - firstChannels : firstChannels;
        long source = 2L * (((long)s.Image * e.Pixels + s.Begin + s.Row) * sourceChannels + (skip ? run - firstChannels : run));
        long sourceStep = 2L * s.Rows * sourceChannels, to = a.Dx.Of(skip) + source, from = a.In.X.Of(skip) + source;
        long waiting = a.Deferred.Of(skip) + source;
        int adding = skip ? a.Adds >> 1 : a.Adds & 1, taking = skip ? a.Takes >> 1 : a.Takes & 1;
        int tileStep = 32 * Group.DimX, lane = Group.IdxX;
        CudaAsm.Emit("@@declare");
        CudaAsm.Emit("@@factor %0;", skip ? a.FactorSkip : a.Factor);
        CudaAsm.Emit("@@stream %0, %1, %2, %3, %4, %5, %6;", a.In.Dropout.Counter, s.Image, a.In.Dropout.Stream.Purpose, a.In.Dropout.Stream.Key0, a.In.Dropout.Stream.Key1, a.In.Dropout.Limit, a.In.Dropout.Scale);
        if (lane < s.Channels)
        {
            int groups = e.Channels / e.GroupChannels;
            long plane = 4L * e.Images * groups;
            long kept = a.In.Statistics + 4L * (s.Image * groups + (s.FirstChannel + lane) / e.GroupChannels);
            CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Pivot), kept);
            CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Rho), kept + plane);
            CudaAsm.Emit("@@fetch %0, %1;", TableOf(s, OnChipTile.Offset), kept + 2 * plane);
            FetchWeights(s, a.In);
        }

        CudaAsm.Emit("@@commit");
        long cotangent = a.Dy + offset;
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
            PutCoefficients(s, ForwardAffine(ReadStatistics(s), ReadWeights(s, e.Modulated)), a.In.Half);
        CudaAsm.Emit("@@arrived");
        Group.Barrier();
        CudaAsm.Emit("@@coefficients %0, %1;", 4 * (s.Tables + 8 * s.Column), 4 * s.Channels);
        at = 16 * lane;
        for (int pixel = s.Begin + s.Row; pixel < s.End; pixel += s.Rows)
        {
            CudaAsm.Emit("@@words %0;", BlockOf(s, pixel, e.Channels));
            CudaAsm.Emit("@@mask %0;", at);
            CudaAsm.Emit("@@accumulate %0;", at);
            at += tileStep;
        }

        CudaAsm.Emit("@@publish %0;", 4 * (s.Scratch + lane));
        SumRows(s, 0);
        CudaAsm.Emit("@@publishTangent %0;", 4 * (s.Scratch + lane));
        SumRows(s, 1);
        SumCluster(s, 2);
        FinishSums(s, a);
        if (a.Input != 0)
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

    /// <summary>In one thread for each channel, computes its sums, the modulation's gradient, the means of its group, and the coefficients of dx.</summary>
    private static void FinishSums(OnChipTile s, OnChipBackward a)
    {
        Extents e = a.In.Extents;
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int lane = Group.IdxX;
        GroupStatistics of = default;
        ChannelWeights weights = default;
        if (lane < s.Channels)
        {
            of = ReadStatistics(s);
            weights = ReadWeights(s, e.Modulated);
            int from = s.Sums + (lane & 7) * s.Vectors + lane / 8;
            float dShift = a.In.Half * shared[from];
            float dz = of.Rho * (a.In.Half * shared[from + OnChipTiling.SumsAtOnce * s.Vectors]) + of.Offset * dShift;
            shared[s.Scratch + lane] = weights.Weight * weights.Scale * dShift;
            shared[s.Scratch + Group.DimX + lane] = weights.Weight * weights.Scale * dz;
            if (s.Rank == 0)
            {
                int channel = s.FirstChannel + lane;
                long target = a.ChannelSums + 4L * (s.Image * e.Channels + channel);
                CudaAsm.Emit("@@store %0, %1;", target, dShift);
                CudaAsm.Emit("@@store %0, %1;", target + 4L * e.Images * e.Channels, dz);
                target = a.DModulation + 4L * (2 * s.Image * e.Channels + channel);
                float dScale = weights.Weight * dz + weights.Bias * dShift;
                if (a.Write == 0)
                {
                    CudaAsm.Emit("@@store %0, %1;", target, dScale);
                    CudaAsm.Emit("@@store %0, %1;", target + 4L * e.Channels, dShift);
                }

                if (a.Write > 0)
                {
                    CudaAsm.Emit("@@add %0, %1;", target, dScale);
                    CudaAsm.Emit("@@add %0, %1;", target + 4L * e.Channels, dShift);
                }
            }
        }

        Group.Barrier();
        if (lane < s.Channels)
        {
            float mean = 0f, projection = 0f;
            int first = s.Scratch + lane - lane % e.GroupChannels;
            for (int at = first; at < first + e.GroupChannels; at++)
            {
                mean += shared[at];
                projection += shared[at + Group.DimX];
            }

            float count = e.Pixels * e.GroupChannels;
            PutCoefficients(s, BackwardAffine(of, weights, mean / count, projection / count), a.In.Half);
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
}
