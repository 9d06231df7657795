using System.Numerics;
using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Each image and head is one work item: weights recomputed for a pair of tiles serve dq, dk and dv at once (five products, where separate passes
/// need seven), and every sum is in the order of the tiles.
/// </summary>
internal sealed partial class PortableAttention
{
    private static unsafe void BackwardCpu(CpuDevice cpu, AttentionOperands o, Tensor dy, Tensor delta, GradientSlot slot)
    {
        var job = new HostBackward(
            o.Sizes, o.Qkv.Pointer, o.Y.Pointer, dy.Pointer, o.LogSumExp.Pointer, delta.Pointer, slot.Tensor.Pointer, slot.Accumulate);
        cpu.For(o.Sizes.Pairs, job.Run);
    }

    private sealed unsafe class HostBackward(
        AttentionSizes sizes, float* qkv, float* y, float* dy, float* logSumExp, float* delta, float* dqkv, bool add)
    {
        public void Run(int pair)
        {
            int stride = sizes.Stride, channels = sizes.Channels, depth = sizes.Depth, pitch = StridedGemm.Padded(KeyTile);
            int byRow = KeyTile * StridedGemm.Padded(depth), byColumn = depth * pitch, weights = QueryTile * pitch;
            int zeroRow = Math.Max(pitch, StridedGemm.Padded(depth));
            float* keys = HostScratch.OfItem(3 * byRow + 2 * byColumn + 2 * weights + zeroRow);
            float* queries = keys + byRow, cotangents = queries + byRow;
            float* keyColumns = cotangents + byRow, valueColumns = keyColumns + byColumn;
            float* p = valueColumns + byColumn, ds = p + weights, zeros = ds + weights;
            new Span<float>(zeros, zeroRow).Clear();
            float* q = qkv + sizes.Query(pair), k = q + channels, v = k + channels;
            float* dq = dqkv + sizes.Query(pair), dk = dq + channels, dv = dk + channels;
            float* output = y + sizes.Output(pair), cotangent = dy + sizes.Output(pair);
            float* rowDelta = delta + (nint)pair * sizes.Length, rowLog = logSumExp + (nint)pair * sizes.Length;
            for (int row = 0; row < sizes.Length; row++)
            {
                rowDelta[row] = TensorPrimitives.Dot(
                    new ReadOnlySpan<float>(output + (nint)row * channels, depth), new ReadOnlySpan<float>(cotangent + (nint)row * channels, depth));
            }

            for (int key = 0; key < sizes.Length; key += KeyTile)
            {
                int count = Math.Min(KeyTile, sizes.Length - key), padded = StridedGemm.Padded(count);
                nint keyRow = (nint)key * stride;
                StridedGemm.PackColumns(k + keyRow, stride, depth, count, keyColumns);
                StridedGemm.PackColumns(v + keyRow, stride, depth, count, valueColumns);
                StridedGemm.PackRows(k + keyRow, stride, count, depth, keys);
                for (int query = 0; query < sizes.Length; query += QueryTile)
                {
                    int rows = Math.Min(QueryTile, sizes.Length - query);
                    nint queryRow = (nint)query * stride, outputRow = (nint)query * channels;
                    StridedGemm.Multiply(q + queryRow, stride, 1, rows, depth, keyColumns, padded, p, pitch, zeros);
                    StridedGemm.Multiply(cotangent + outputRow, channels, 1, rows, depth, valueColumns, padded, ds, pitch, zeros);
                    for (int row = 0; row < rows; row++)
                        Weights(p + row * pitch, ds + row * pitch, padded, rowLog[query + row], rowDelta[query + row]);
                    StridedGemm.PackRows(cotangent + outputRow, channels, rows, depth, cotangents);
                    StridedGemm.PackRows(q + queryRow, stride, rows, depth, queries);
                    float* firstQuery = add || query > 0 ? null : zeros, firstKey = add || key > 0 ? null : zeros;
                    StridedGemm.Multiply(p, 1, pitch, count, rows, cotangents, depth, dv + keyRow, stride, firstQuery);
                    StridedGemm.Multiply(ds, 1, pitch, count, rows, queries, depth, dk + keyRow, stride, firstQuery);
                    StridedGemm.Multiply(ds, pitch, 1, rows, count, keys, depth, dq + queryRow, stride, firstKey);
                }
            }
        }

        /// <summary>Turns logits into P = exp(S - lse), and dP into dS = P (dP - delta) / sqrt(D). The products never read the padding.</summary>
        private void Weights(float* p, float* ds, int padded, float log, float rowDelta)
        {
            for (int i = 0; i < padded; i += Vector<float>.Count)
            {
                Vector<float> weight = Vector.Exp(Vector.Load(p + i) * sizes.Scale - new Vector<float>(log));
                weight.Store(p + i);
                (weight * (Vector.Load(ds + i) - new Vector<float>(rowDelta)) * sizes.Scale).Store(ds + i);
            }
        }
    }
}
