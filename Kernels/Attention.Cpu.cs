using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// One item of work is a tile of queries of one image and head. Keys and values are packed tile by tile and everything but
/// the softmax is <see cref="PanelProduct"/>; the tiles stay in the second-level cache for D up to 256.
/// </summary>
public static partial class Attention
{
    private const int QueryTile = 64;
    private const int KeyTile = 64;

    private static unsafe void ForwardCpu(CpuDevice cpu, Tensor qkv, Tensor y, Tensor logSumExp, AttentionSizes sizes)
    {
        float* source = qkv.Pointer, target = y.Pointer, saved = logSumExp.Pointer;
        bool dual = qkv.HasTangent;
        int tiles = sizes.Tiles(QueryTile);
        cpu.For(sizes.Pairs * tiles, item =>
        {
            int pair = item / tiles, first = item % tiles * QueryTile;
            new HostForward(sizes, source, target, saved, dual).Run(pair, first, Math.Min(QueryTile, sizes.Length - first));
        });
    }

    private readonly unsafe struct HostForward(AttentionSizes sizes, float* qkv, float* y, float* logSumExp, bool dual)
    {
        /// <summary>Logits and their tangents have padded rows, so that no vector loop over them has an edge.</summary>
        private static int Pitch => PanelProduct.Padded(KeyTile);

        public void Run(int pair, int first, int rows)
        {
            int panels = Math.Max(sizes.Depth * Pitch, KeyTile * PanelProduct.Padded(sizes.Depth));
            float* packed = ThreadScratch.Take(2 * panels + 2 * QueryTile * Pitch + 6 * QueryTile);
            float* tPacked = packed + panels;
            float* p = tPacked + panels, tp = p + QueryTile * Pitch;
            var rowState = new RowState(tp + QueryTile * Pitch);
            int stride = sizes.Stride, channels = sizes.Channels;
            float* q = qkv + sizes.Query(pair) + (long)first * stride;
            float* output = y + sizes.Output(pair) + (long)first * channels;
            for (int start = 0; start < sizes.Length; start += KeyTile)
            {
                int count = Math.Min(KeyTile, sizes.Length - start), padded = PanelProduct.Padded(count);
                float* k = qkv + sizes.Query(pair) + channels + (long)start * stride, v = k + channels;
                PanelProduct.PackTransposed(k, stride, sizes.Depth, count, packed);
                PanelProduct.Multiply(q, stride, 1, rows, sizes.Depth, packed, padded, p, Pitch, false);
                if (dual)
                {
                    PanelProduct.Multiply(q + sizes.QkvTangent, stride, 1, rows, sizes.Depth, packed, padded, tp, Pitch, false);
                    PanelProduct.PackTransposed(k + sizes.QkvTangent, stride, sizes.Depth, count, packed);
                    PanelProduct.Multiply(q, stride, 1, rows, sizes.Depth, packed, padded, tp, Pitch, true);
                }

                for (int row = 0; row < rows; row++)
                {
                    Soften(p + row * Pitch, count, padded, row, rowState, start == 0);
                    if (dual)
                        Centre(p + row * Pitch, tp + row * Pitch, padded, row, rowState);
                    if (start > 0)
                        Carry(output + (long)row * channels, row, rowState);
                }

                PanelProduct.Pack(v, stride, count, sizes.Depth, packed);
                PanelProduct.Multiply(p, Pitch, 1, rows, count, packed, sizes.Depth, output, channels, start > 0);
                if (dual)
                {
                    PanelProduct.Multiply(tp, Pitch, 1, rows, count, packed, sizes.Depth, output + sizes.OutputTangent, channels, start > 0);
                    PanelProduct.Pack(v + sizes.QkvTangent, stride, count, sizes.Depth, tPacked);
                    PanelProduct.Multiply(p, Pitch, 1, rows, count, tPacked, sizes.Depth, output + sizes.OutputTangent, channels, true);
                }
            }

            for (int row = 0; row < rows; row++)
                logSumExp[(long)pair * sizes.Length + first + row] = rowState.Max[row] + MathF.Log(rowState.Sum[row]);
        }

        /// <summary>Logits to weights: p = exp(s - m') / l', with the running maximum and sum, and what earlier tiles shrink by.</summary>
        private void Soften(float* p, int count, int padded, int row, RowState state, bool begin)
        {
            var most = new Vector<float>(begin ? float.NegativeInfinity : state.Max[row]);
            for (int i = count; i < padded; i++)
                p[i] = float.NegativeInfinity;
            for (int i = 0; i < padded; i += Vector<float>.Count)
            {
                Vector<float> s = Vector.Load(p + i) * sizes.Scale;
                s.Store(p + i);
                most = Vector.Max(most, s);
            }

            float max = most[0];
            for (int i = 1; i < Vector<float>.Count; i++)
                max = MathF.Max(max, most[i]);
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

        /// <summary>Tangents of logits to weights of the tangent: p (tS - mu') with the running mean mu' of tS.</summary>
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

        /// <summary>Rescales a row of the output to the weights of all tiles so far; its tangent also to their mean.</summary>
        private void Carry(float* output, int row, RowState state)
        {
            float shrink = state.Shrink[row], shift = state.Shift[row];
            var primal = new Span<float>(output, sizes.Depth);
            if (dual)
            {
                var tangent = new Span<float>(output + sizes.OutputTangent, sizes.Depth);
                System.Numerics.Tensors.TensorPrimitives.Multiply(tangent, shrink, tangent);
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(primal, shift, tangent, tangent);
            }

            System.Numerics.Tensors.TensorPrimitives.Multiply(primal, shrink, primal);
        }
    }

    /// <summary>What the streaming softmax keeps for each query of a tile.</summary>
    private readonly unsafe struct RowState(float* memory)
    {
        /// <summary>Running maximum m of the logits.</summary>
        public float* Max => memory;

        /// <summary>Running sum l of exp(S - m).</summary>
        public float* Sum => memory + QueryTile;

        /// <summary>Running mean mu of tS under the weights so far.</summary>
        public float* Mean => memory + 2 * QueryTile;

        /// <summary>s: what this tile leaves of the weights of earlier ones.</summary>
        public float* Shrink => memory + 3 * QueryTile;

        /// <summary>s (mu - mu').</summary>
        public float* Shift => memory + 4 * QueryTile;
    }
}
