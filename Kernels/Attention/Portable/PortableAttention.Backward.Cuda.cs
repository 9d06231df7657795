using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Three launches: delta, one thread for each row; dq, one group for each 32 queries; dk and dv, one group for each 32 keys. Each of the last two
/// recomputes the weights (seven products instead of five), so that no atomic additions are needed and the order of sums is fixed.
/// </summary>
internal sealed partial class PortableAttention
{
    internal static void DeltaKernel(Index1D i, ArrayView<float> y, ArrayView<float> dy, ArrayView<float> delta, AttentionSizes sizes)
    {
        int pair = i / sizes.Length;
        int index = sizes.Output(pair) + (i - pair * sizes.Length) * sizes.Channels;
        float sum = 0f;
        for (int channel = 0; channel < sizes.Depth; channel++)
            sum += y[index + channel] * dy[index + channel];
        delta[i] = sum;
    }

    internal static void QueryGradientKernel(
        ArrayView<float> qkv, ArrayView<float> dy, ArrayView<float> logSumExp, ArrayView<float> delta, ArrayView<float> dqkv,
        AttentionSizes sizes, int add)
    {
        ArrayView<Float4> queries = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> cotangents = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> keys = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> values = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> weights = SharedMemory.Allocate<Float4>(WeightTile);
        int pair = Grid.IdxX / sizes.Tiles(MTile), row = (Grid.IdxX - pair * sizes.Tiles(MTile)) * MTile;
        int q = sizes.Query(pair), k = q + sizes.Channels, v = k + sizes.Channels, output = sizes.Output(pair);
        int saved = pair * sizes.Length + row + 4 * Ty, rows = sizes.Length - row - 4 * Ty;
        Float4 rowLog = Float4.Load(logSumExp, saved, rows, 0), rowDelta = Float4.Load(delta, saved, rows, 0);
        Float4 scale = Float4.All(sizes.Scale), one = Float4.All(1f);
        for (int first = 0; first < sizes.Length; first += NTile)
        {
            AttentionTile p = AttentionTile.Zero, dp = AttentionTile.Zero;
            for (int channel = 0; channel < sizes.Depth; channel += Chunk)
            {
                (Float4 q0, Float4 q1) = LoadM(qkv, q, sizes.Stride, row, channel, sizes);
                (Float4 c0, Float4 c1) = LoadM(dy, output, sizes.Channels, row, channel, sizes);
                AttentionQuad k4 = LoadN(qkv, k, sizes.Stride, first, channel, sizes);
                AttentionQuad v4 = LoadN(qkv, v, sizes.Stride, first, channel, sizes);
                Group.Barrier();
                PutM(queries, sizes.Scale * q0, sizes.Scale * q1);
                PutM(cotangents, c0, c1);
                PutN(keys, k4);
                PutN(values, v4);
                Group.Barrier();
                p = MultiplyAdd(queries, 0, keys, p);
                dp = MultiplyAdd(cotangents, 0, values, dp);
            }

            p = AttentionTile.Exp(AttentionTile.Mask(p, sizes.Length - first - 4 * Tx) - rowLog);
            PutWeights(weights, scale * (p * (dp - rowDelta)));

            int end = Math.Min(NTile, sizes.Length - first);
            for (int channel = 0; channel < sizes.Depth; channel += NTile)
            {
                AttentionTile dq = AttentionTile.Zero;
                for (int key = 0; key < end; key += Chunk)
                {
                    AttentionQuad factors = LoadFactors(qkv, k, sizes.Stride, first + key, channel, sizes);
                    Group.Barrier();
                    PutFactors(keys, factors);
                    Group.Barrier();
                    dq = MultiplyAdd(weights, key, keys, dq);
                }

                Accumulate(dqkv, q, sizes.Stride, row, channel, sizes, add + first, one, dq);
            }
        }
    }

    internal static void KeyValueGradientKernel(
        ArrayView<float> qkv, ArrayView<float> dy, ArrayView<float> logSumExp, ArrayView<float> delta, ArrayView<float> dqkv,
        AttentionSizes sizes, int add)
    {
        ArrayView<Float4> keys = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> values = SharedMemory.Allocate<Float4>(MChunk);
        ArrayView<Float4> queries = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> cotangents = SharedMemory.Allocate<Float4>(NChunk);
        ArrayView<Float4> weights = SharedMemory.Allocate<Float4>(WeightTile);
        ArrayView<Float4> dWeights = SharedMemory.Allocate<Float4>(WeightTile);
        int pair = Grid.IdxX / sizes.Tiles(MTile), row = (Grid.IdxX - pair * sizes.Tiles(MTile)) * MTile;
        int q = sizes.Query(pair), k = q + sizes.Channels, v = k + sizes.Channels, output = sizes.Output(pair);
        Float4 scale = Float4.All(sizes.Scale), one = Float4.All(1f);
        for (int first = 0; first < sizes.Length; first += NTile)
        {
            AttentionTile p = AttentionTile.Zero, dp = AttentionTile.Zero;
            for (int channel = 0; channel < sizes.Depth; channel += Chunk)
            {
                (Float4 k0, Float4 k1) = LoadM(qkv, k, sizes.Stride, row, channel, sizes);
                (Float4 v0, Float4 v1) = LoadM(qkv, v, sizes.Stride, row, channel, sizes);
                AttentionQuad q4 = LoadN(qkv, q, sizes.Stride, first, channel, sizes);
                AttentionQuad c4 = LoadN(dy, output, sizes.Channels, first, channel, sizes);
                Group.Barrier();
                PutM(keys, k0, k1);
                PutM(values, v0, v1);
                PutN(queries, sizes.Scale * q4); // the forward pass scales the same operand, so the logits are rounded alike
                PutN(cotangents, c4);
                Group.Barrier();
                p = MultiplyAdd(keys, 0, queries, p);
                dp = MultiplyAdd(values, 0, cotangents, dp);
            }

            int column = first + 4 * Tx, saved = pair * sizes.Length + column, valid = sizes.Length - column;
            p = AttentionTile.Exp(AttentionTile.LessColumns(
                AttentionTile.Mask(p, valid), Float4.Load(logSumExp, saved, valid, 0), Float4.Load(logSumExp, saved + 32, valid - 32, 0)));
            PutWeights(weights, p);
            dp = AttentionTile.LessColumns(dp, Float4.Load(delta, saved, valid, 0), Float4.Load(delta, saved + 32, valid - 32, 0));
            PutWeights(dWeights, scale * (p * dp));

            int end = Math.Min(NTile, sizes.Length - first);
            for (int channel = 0; channel < sizes.Depth; channel += NTile)
            {
                AttentionTile dk = AttentionTile.Zero, dv = AttentionTile.Zero;
                for (int query = 0; query < end; query += Chunk)
                {
                    AttentionQuad q4 = LoadFactors(qkv, q, sizes.Stride, first + query, channel, sizes);
                    AttentionQuad c4 = LoadFactors(dy, output, sizes.Channels, first + query, channel, sizes);
                    Group.Barrier();
                    PutFactors(queries, q4);
                    PutFactors(cotangents, c4);
                    Group.Barrier();
                    dk = MultiplyAdd(dWeights, query, queries, dk);
                    dv = MultiplyAdd(weights, query, cotangents, dv);
                }

                Accumulate(dqkv, k, sizes.Stride, row, channel, sizes, add + first, one, dk);
                Accumulate(dqkv, v, sizes.Stride, row, channel, sizes, add + first, one, dv);
            }
        }
    }

    private static Action BackwardGpu(GpuDevice gpu, AttentionOperands o, Tensor dy, Tensor delta, GradientSlot slot)
    {
        var deltas = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionSizes>(DeltaKernel);
        var queries = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionSizes, int>(QueryGradientKernel);
        var keysAndValues = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, AttentionSizes, int>(KeyValueGradientKernel);
        var grid = new KernelConfig(o.Sizes.Pairs * o.Sizes.Tiles(MTile), GroupThreads);
        return () =>
        {
            deltas(gpu.Stream, delta.Count, o.Y.View, dy.View, delta.View, o.Sizes);
            queries(gpu.Stream, grid, o.Qkv.View, dy.View, o.LogSumExp.View, delta.View, slot.Tensor.View, o.Sizes, slot.Add);
            keysAndValues(gpu.Stream, grid, o.Qkv.View, dy.View, o.LogSumExp.View, delta.View, slot.Tensor.View, o.Sizes, slot.Add);
        };
    }
}
