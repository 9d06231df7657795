using System.Numerics;
using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Each tile of queries of one image and head is one work item. Keys and values are packed tile by tile, and everything but the softmax is
/// <see cref="StridedGemm"/>; the tiles stay in the second-level cache for D up to 256.
/// </summary>
internal sealed partial class PortableAttention
{
    private const int QueryTile = 64;
    private const int KeyTile = 64;

    private static unsafe void ForwardCpu(CpuDevice cpu, AttentionOperands o)
    {
        float* source = o.Qkv.Pointer, target = o.Y.Pointer, saved = o.LogSumExp.Pointer;
        bool dual = o.Qkv.HasTangent;
        AttentionSizes sizes = o.Sizes;
        int tiles = sizes.Tiles(QueryTile);
        cpu.For(sizes.Pairs * tiles, item =>
        {
            int pair = item / tiles, first = item % tiles * QueryTile;
            new HostForward(sizes, source, target, saved, dual).Run(pair, first, Math.Min(QueryTile, sizes.Length - first));
        });
    }

    private readonly unsafe struct HostForward(AttentionSizes sizes, float* qkv, float* y, float* logSumExp, bool dual)
    {
        public void Run(int pair, int first, int rows)
        {
            int stride = sizes.Stride, channels = sizes.Channels, depth = sizes.Depth, pitch = StridedGemm.Padded(KeyTile);
            int panels = Math.Max(depth * pitch, KeyTile * StridedGemm.Padded(depth)), weights = QueryTile * pitch;
            int zeroRow = Math.Max(pitch, StridedGemm.Padded(depth));
            float* keys = HostScratch.OfItem(2 * panels + 2 * weights + RowState.Floats + zeroRow), values = keys + panels;
            float* p = values + panels, tp = p + weights, zeros = tp + weights + RowState.Floats;
            new Span<float>(zeros, zeroRow).Clear();
            var state = new RowState(tp + weights);
            float* q = qkv + sizes.Query(pair) + (nint)first * stride, tq = q + sizes.QkvTangent;
            float* output = y + sizes.Output(pair) + (nint)first * channels, tOutput = output + sizes.OutputTangent;
            for (int start = 0; start < sizes.Length; start += KeyTile)
            {
                int count = Math.Min(KeyTile, sizes.Length - start), padded = StridedGemm.Padded(count);
                float* k = qkv + sizes.Query(pair) + channels + (nint)start * stride, v = k + channels;
                StridedGemm.PackColumns(k, stride, depth, count, keys);
                StridedGemm.Multiply(q, stride, 1, rows, depth, keys, padded, p, pitch, zeros);
                if (dual)
                {
                    StridedGemm.Multiply(tq, stride, 1, rows, depth, keys, padded, tp, pitch, zeros);
                    StridedGemm.PackColumns(k + sizes.QkvTangent, stride, depth, count, keys);
                    StridedGemm.Multiply(q, stride, 1, rows, depth, keys, padded, tp, pitch, null);
                }

                for (int row = 0; row < rows; row++)
                {
                    Soften(p + row * pitch, count, padded, row, state, start == 0);
                    if (dual)
                        Centre(p + row * pitch, tp + row * pitch, padded, row, state);
                    if (start > 0)
                        Carry(output + (nint)row * channels, row, state);
                }

                float* begin = start == 0 ? zeros : null;
                StridedGemm.PackRows(v, stride, count, depth, values);
                StridedGemm.Multiply(p, pitch, 1, rows, count, values, depth, output, channels, begin);
                if (dual)
                {
                    StridedGemm.Multiply(tp, pitch, 1, rows, count, values, depth, tOutput, channels, begin);
                    StridedGemm.PackRows(v + sizes.QkvTangent, stride, count, depth, values);
                    StridedGemm.Multiply(p, pitch, 1, rows, count, values, depth, tOutput, channels, null);
                }
            }

            for (int row = 0; row < rows; row++)
                logSumExp[(nint)pair * sizes.Length + first + row] = state.Max[row] + MathF.Log(state.Sum[row]);
        }

        /// <summary>Turns logits into weights p = exp(s - m') / l' with the running maximum and sum, and keeps the factor that rescales earlier tiles.</summary>
        private void Soften(float* p, int count, int padded, int row, RowState state, bool begin)
        {
            var maxima = new Vector<float>(begin ? float.NegativeInfinity : state.Max[row]);
            for (int i = count; i < padded; i++)
                p[i] = float.NegativeInfinity;
            for (int i = 0; i < padded; i += Vector<float>.Count)
            {
                Vector<float> s = Vector.Load(p + i) * sizes.Scale;
                s.Store(p + i);
                maxima = Vector.Max(maxima, s);
            }

            float max = maxima[0];
            for (int i = 1; i < Vector<float>.Count; i++)
                max = MathF.Max(max, maxima[i]);
            Vector<float> sums = default;
            for (int i = 0; i < padded; i += Vector<float>.Count)
            {
                Vector<float> e = Vector.Exp(Vector.Load(p + i) - new Vector<float>(max));
                e.Store(p + i);
                sums += e;
            }

            float carried = begin ? 0f : state.Sum[row] * MathF.Exp(state.Max[row] - max);
            float sum = carried + Vector.Sum(sums), inverse = 1f / sum;
            for (int i = 0; i < padded; i += Vector<float>.Count)
                (Vector.Load(p + i) * inverse).Store(p + i);
            state.Max[row] = max;
            state.Sum[row] = sum;
            state.Shrink[row] = carried * inverse;
            if (begin)
                state.Mean[row] = 0f;
        }

        /// <summary>Turns tangents of logits into weights of the tangent, p (tS - mu') with the running mean mu' of tS.</summary>
        private void Centre(float* p, float* tp, int padded, int row, RowState state)
        {
            Vector<float> sums = default;
            for (int i = 0; i < padded; i += Vector<float>.Count)
            {
                Vector<float> ts = Vector.Load(tp + i) * sizes.Scale;
                ts.Store(tp + i);
                sums += ts * Vector.Load(p + i);
            }

            float mean = state.Shrink[row] * state.Mean[row] + Vector.Sum(sums);
            for (int i = 0; i < padded; i += Vector<float>.Count)
                ((Vector.Load(tp + i) - new Vector<float>(mean)) * Vector.Load(p + i)).Store(tp + i);
            state.Shift[row] = state.Shrink[row] * (state.Mean[row] - mean);
            state.Mean[row] = mean;
        }

        /// <summary>Rescales a row of the output, and of its tangent, to the running maximum, sum and mean.</summary>
        private void Carry(float* output, int row, RowState state)
        {
            float shrink = state.Shrink[row], shift = state.Shift[row];
            var primal = new Span<float>(output, sizes.Depth);
            if (dual)
            {
                var tangent = new Span<float>(output + sizes.OutputTangent, sizes.Depth);
                TensorPrimitives.Multiply(tangent, shrink, tangent);
                TensorPrimitives.MultiplyAdd(primal, shift, tangent, tangent);
            }

            TensorPrimitives.Multiply(primal, shrink, primal);
        }
    }

    /// <summary>The state of the streaming softmax for each query of a tile.</summary>
    private readonly unsafe struct RowState(float* memory)
    {
        public const int Floats = 5 * QueryTile;

        /// <summary>Running maximum m of the logits.</summary>
        public float* Max => memory;

        /// <summary>Running sum l of exp(S - m).</summary>
        public float* Sum => memory + QueryTile;

        /// <summary>Running mean mu of tS under the weights so far.</summary>
        public float* Mean => memory + 2 * QueryTile;

        /// <summary>s: factor that rescales the weights of earlier tiles.</summary>
        public float* Shrink => memory + 3 * QueryTile;

        /// <summary>s (mu - mu').</summary>
        public float* Shift => memory + 4 * QueryTile;
    }
}
