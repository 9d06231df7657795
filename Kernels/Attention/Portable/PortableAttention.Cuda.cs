using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>One group of 64 threads computes 32 queries of a head.</summary>
internal sealed partial class PortableAttention
{
    internal static void ForwardKernel(ArrayView<float> qkv, ArrayView<float> y, ArrayView<float> logSumExp, AttentionSizes sizes)
    {
        ArrayView<Float4> m = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> n = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> weights = SharedMemory.Allocate<Float4>(WeightTile);
        ArrayView<Float4> maxima = SharedMemory.Allocate<Float4>(GroupThreads);
        ArrayView<Float4> sums = SharedMemory.Allocate<Float4>(GroupThreads);
        int pair = Grid.IdxX / sizes.Tiles(MTile), row = (Grid.IdxX - pair * sizes.Tiles(MTile)) * MTile;
        int q = sizes.Query(pair), k = q + sizes.Channels, v = k + sizes.Channels, output = sizes.Output(pair);
        Float4 max = Float4.All(float.NegativeInfinity), sum = Float4.All(0f);
        for (int first = 0; first < sizes.Length; first += NTile)
        {
            AttentionTile p = AttentionTile.Zero;
            for (int channel = 0; channel < sizes.Depth; channel += Chunk)
            {
                (Float4 q0, Float4 q1) = LoadM(qkv, q, sizes.Stride, row, channel, sizes);
                AttentionQuad keys = LoadN(qkv, k, sizes.Stride, first, channel, sizes);
                Group.Barrier();
                PutM(m, sizes.Scale * q0, sizes.Scale * q1);
                PutN(n, keys);
                Group.Barrier();
                p = MultiplyAdd(m, 0, n, p);
            }

            p = AttentionTile.Mask(p, sizes.Length - first - 4 * Tx);
            Float4 newMax = GroupMax(maxima, Float4.Max(max, AttentionTile.RowMax(p)));
            p = AttentionTile.Exp(p - newMax);
            Float4 carried = sum * Float4.Exp(max - newMax);
            sum = carried + GroupSum(sums, AttentionTile.RowSum(p));
            max = newMax;
            Float4 inverse = Inverse(sum);
            Float4 shrink = carried * inverse;
            PutWeights(weights, inverse * p);

            int end = Math.Min(NTile, sizes.Length - first);
            for (int channel = 0; channel < sizes.Depth; channel += NTile)
            {
                AttentionTile o = AttentionTile.Zero;
                for (int key = 0; key < end; key += Chunk)
                {
                    AttentionQuad values = LoadFactors(qkv, v, sizes.Stride, first + key, channel, sizes);
                    Group.Barrier();
                    PutFactors(n, values);
                    Group.Barrier();
                    o = MultiplyAdd(weights, key, n, o);
                }

                Accumulate(y, output, sizes.Channels, row, channel, sizes, first, shrink, o);
            }
        }

        StoreLogSumExp(logSumExp, pair * sizes.Length, row, sizes.Length, max, sum);
    }

    /// <summary>The maximum over the eight threads of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 GroupMax(ArrayView<Float4> partial, Float4 value)
    {
        partial[Group.IdxX] = value;
        Group.Barrier();
        Float4 result = partial[8 * Ty];
        for (int i = 1; i < 8; i++)
            result = Float4.Max(result, partial[8 * Ty + i]);
        return result;
    }

    /// <summary>The sum over the eight threads of each row, in their order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 GroupSum(ArrayView<Float4> partial, Float4 value)
    {
        partial[Group.IdxX] = value;
        Group.Barrier();
        Float4 result = partial[8 * Ty];
        for (int i = 1; i < 8; i++)
            result += partial[8 * Ty + i];
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Inverse(Float4 a) => Float4.Of(1f / a.X, 1f / a.Y, 1f / a.Z, 1f / a.W);

    /// <summary>Every thread of a row knows its maximum and sum; the first writes m + ln l.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLogSumExp(ArrayView<float> target, int origin, int row, int length, Float4 max, Float4 sum)
    {
        row += 4 * Ty;
        if (Tx != 0)
            return;
        Float4.Store(target, origin + row, length - row, 0, Float4.Of(
            max.X + DeviceMath.Log(sum.X), max.Y + DeviceMath.Log(sum.Y), max.Z + DeviceMath.Log(sum.Z), max.W + DeviceMath.Log(sum.W)));
    }

    private static Action ForwardGpu(GpuDevice gpu, AttentionOperands o)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionSizes>(ForwardKernel);
        var grid = new KernelConfig(o.Sizes.Pairs * o.Sizes.Tiles(MTile), GroupThreads);
        return () => kernel(gpu.Stream, grid, o.Qkv.View, o.Y.View, o.LogSumExp.View, o.Sizes);
    }
}
