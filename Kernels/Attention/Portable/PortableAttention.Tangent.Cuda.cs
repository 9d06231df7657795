using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Computes primal and tangent in one pass: six products where the primal has two, with four operands loaded for each pair. The primal takes the
/// operations of <see cref="ForwardKernel"/> in the same order, so that its bits do not depend on the tangent.
/// </summary>
internal sealed partial class PortableAttention
{
    internal static void TangentKernel(ArrayView<float> qkv, ArrayView<float> y, ArrayView<float> logSumExp, AttentionSizes sizes)
    {
        ArrayView<Float4> m = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> tm = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> n = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> tn = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> weights = SharedMemory.Allocate<Float4>(WeightTile);
        ArrayView<Float4> tWeights = SharedMemory.Allocate<Float4>(WeightTile);
        ArrayView<Float4> maxima = SharedMemory.Allocate<Float4>(GroupThreads);
        ArrayView<Float4> sums = SharedMemory.Allocate<Float4>(GroupThreads);
        ArrayView<Float4> means = SharedMemory.Allocate<Float4>(GroupThreads);
        int pair = Grid.IdxX / sizes.Tiles(MTile), row = (Grid.IdxX - pair * sizes.Tiles(MTile)) * MTile;
        int q = sizes.Query(pair), k = q + sizes.Channels, v = k + sizes.Channels, output = sizes.Output(pair);
        int tangent = sizes.QkvTangent;
        Float4 max = Float4.All(float.NegativeInfinity), sum = Float4.All(0f), mean = Float4.All(0f);
        for (int first = 0; first < sizes.Length; first += NTile)
        {
            AttentionDual logits = AttentionDual.Zero;
            for (int channel = 0; channel < sizes.Depth; channel += Chunk)
            {
                (Float4 q0, Float4 q1) = LoadM(qkv, q, sizes.Stride, row, channel, sizes);
                (Float4 tq0, Float4 tq1) = LoadM(qkv, q + tangent, sizes.Stride, row, channel, sizes);
                AttentionQuad keys = LoadN(qkv, k, sizes.Stride, first, channel, sizes);
                AttentionQuad tKeys = LoadN(qkv, k + tangent, sizes.Stride, first, channel, sizes);
                Group.Barrier();
                PutM(m, sizes.Scale * q0, sizes.Scale * q1);
                PutM(tm, sizes.Scale * tq0, sizes.Scale * tq1);
                PutN(n, keys);
                PutN(tn, tKeys);
                Group.Barrier();
                logits = MultiplyAdd(m, tm, 0, n, tn, logits);
            }

            AttentionTile p = AttentionTile.Mask(logits.Primal, sizes.Length - first - 4 * Tx);
            Float4 newMax = GroupMax(maxima, Float4.Max(max, AttentionTile.RowMax(p)));
            p = AttentionTile.Exp(p - newMax);
            Float4 carried = sum * Float4.Exp(max - newMax);
            sum = carried + GroupSum(sums, AttentionTile.RowSum(p));
            max = newMax;
            Float4 inverse = Inverse(sum);
            Float4 shrink = carried * inverse;
            p = inverse * p;
            PutWeights(weights, p);
            Float4 kept = shrink * mean;
            mean = kept + GroupSum(means, AttentionTile.RowSum(p * logits.Tangent));
            PutWeights(tWeights, p * (logits.Tangent - mean));
            Float4 shift = kept - shrink * mean;

            int end = Math.Min(NTile, sizes.Length - first);
            for (int channel = 0; channel < sizes.Depth; channel += NTile)
            {
                AttentionDual o = AttentionDual.Zero;
                for (int key = 0; key < end; key += Chunk)
                {
                    AttentionQuad values = LoadFactors(qkv, v, sizes.Stride, first + key, channel, sizes);
                    AttentionQuad tValues = LoadFactors(qkv, v + tangent, sizes.Stride, first + key, channel, sizes);
                    Group.Barrier();
                    PutFactors(n, values);
                    PutFactors(tn, tValues);
                    Group.Barrier();
                    o = MultiplyAdd(weights, tWeights, key, n, tn, o);
                }

                // The tangent's term with the change of the mean uses the old output, so it is computed before that is overwritten.
                if (first > 0)
                    o.Tangent = AddScaledRows(y, output, sizes.Channels, row, channel, sizes, shift, o.Tangent);
                Accumulate(y, output + sizes.OutputTangent, sizes.Channels, row, channel, sizes, first, shrink, o.Tangent);
                Accumulate(y, output, sizes.Channels, row, channel, sizes, first, shrink, o.Primal);
            }
        }

        StoreLogSumExp(logSumExp, pair * sizes.Length, row, sizes.Length, max, sum);
    }

    /// <summary>Returns the tile plus 32 rows by 64 channels of a tensor, each row multiplied by its own factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static AttentionTile AddScaledRows(
        ArrayView<float> source, int origin, int stride, int row, int channel, AttentionSizes sizes, Float4 factor, AttentionTile sum)
    {
        row += 4 * Ty;
        channel += 4 * Tx;
        AttentionQuad near = AttentionQuad.Load(source, origin, stride, row, 1, sizes.Length, channel, sizes.Depth, sizes.Aligned);
        AttentionQuad far = AttentionQuad.Load(source, origin, stride, row, 1, sizes.Length, channel + 32, sizes.Depth, sizes.Aligned);
        return AttentionTile.Of(
            Float4.MultiplyAdd(factor.X, near.A, sum.Near0), Float4.MultiplyAdd(factor.X, far.A, sum.Far0),
            Float4.MultiplyAdd(factor.Y, near.B, sum.Near1), Float4.MultiplyAdd(factor.Y, far.B, sum.Far1),
            Float4.MultiplyAdd(factor.Z, near.C, sum.Near2), Float4.MultiplyAdd(factor.Z, far.C, sum.Far2),
            Float4.MultiplyAdd(factor.W, near.D, sum.Near3), Float4.MultiplyAdd(factor.W, far.D, sum.Far3));
    }

    private static Action TangentGpu(GpuDevice gpu, AttentionOperands o)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionSizes>(TangentKernel);
        var grid = new KernelConfig(o.Sizes.Pairs * o.Sizes.Tiles(MTile), GroupThreads);
        return () => kernel(gpu.Stream, grid, o.Qkv.View, o.Y.View, o.LogSumExp.View, o.Sizes);
    }
}
