using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// bf16 on tensor cores by mma.sync (sm_80 and newer), in the order of FlashAttention-2 (arXiv:2307.08691, section 3): a block owns an m tile, streams n tiles,
/// and keeps its sums in registers until the last one. Products of bf16 accumulate in fp32; weights are rounded to bf16 for the second product.
/// </summary>
/// <remarks>
/// The tangent differs from the portable form in the value on which H is centred: not the running mean, which would rescale the sums at every tile, but the
/// mean of tS over the first tile, a constant c for each row. Any c gives the same tO = (P tV + (P o (tS - c)) V - rowsum(P o (tS - c)) O); this one removes a
/// large mean of tS before rounding to bf16. The primal takes the same instructions with and without a tangent, hence has the same bits.
/// </remarks>
internal sealed partial class MmaAttention
{
    /// <summary>Computes an m tile of queries in each block, which streams n tiles of keys and values through two stages.</summary>
    [PtxEntry]
    internal static void ForwardMma(AttentionMmaForward a)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@start %0;", a.Grid.Sizes.Scale);
        AttentionSizes s = a.Grid.Sizes;
        int pair = Grid.IdxX / a.Grid.Tiles, row = (Grid.IdxX - pair * a.Grid.Tiles) * a.MTile, image = pair / s.Heads, left = s.Length - row;
        long channels = 2L * s.Heads * s.Depth, stride = 3 * channels, head = 2L * (pair - image * s.Heads) * s.Depth;
        long queries = a.Qkv + (long)image * s.Length * stride + head, keys = queries + channels;
        long values = keys + channels;
        CudaAsm.Emit("@@load_m0 %0, %1, %2;", queries + row * stride, left, stride);
        CudaAsm.Emit("@@load_n0 %0, %1, %2;", keys, s.Length, stride);
        CudaAsm.Emit("@@load_n1 %0, %1, %2;", values, s.Length, stride);
        for (int first = 0; first < s.Length; first += a.NTile)
        {
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
            CudaAsm.Emit("@@arrived;");
            int next = first + a.NTile;
            if (next < s.Length)
            {
                CudaAsm.Emit("@@load_n0 %0, %1, %2;", keys + next * stride, s.Length - next, stride);
                CudaAsm.Emit("@@load_n1 %0, %1, %2;", values + next * stride, s.Length - next, stride);
            }

            CudaAsm.Emit("@@logits;");
            if (next > s.Length)
                CudaAsm.Emit("@@mask %0;", s.Length - first);
            CudaAsm.Emit("@@weights;");
            CudaAsm.Emit("@@outputs;");
        }

        CudaAsm.Emit("@@finish;");
        CudaAsm.Emit("@@store %0, %1, %2;", a.Y + ((long)image * s.Length + row) * channels + head, left, channels);
        CudaAsm.Emit("@@store_log %0, %1;", a.LogSumExp + 4L * (pair * s.Length + row), left);
    }

    /// <summary>Computes the output and its tangent. Four n tiles are in use at a time: new keys arrive while values are in use, and new values while keys are.</summary>
    [PtxEntry]
    internal static void TangentMma(AttentionMmaForward a)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@start %0;", a.Grid.Sizes.Scale);
        AttentionSizes s = a.Grid.Sizes;
        int pair = Grid.IdxX / a.Grid.Tiles, row = (Grid.IdxX - pair * a.Grid.Tiles) * a.MTile, image = pair / s.Heads, left = s.Length - row;
        long channels = 2L * s.Heads * s.Depth, stride = 3 * channels, head = 2L * (pair - image * s.Heads) * s.Depth;
        long queries = a.Qkv + (long)image * s.Length * stride + head, keys = queries + channels;
        long values = keys + channels;
        CudaAsm.Emit("@@load_m0 %0, %1, %2;", queries + row * stride, left, stride);
        CudaAsm.Emit("@@load_m1 %0, %1, %2;", queries + a.QkvTangent + row * stride, left, stride);
        CudaAsm.Emit("@@load_n0 %0, %1, %2;", keys, s.Length, stride);
        CudaAsm.Emit("@@load_n2 %0, %1, %2;", keys + a.QkvTangent, s.Length, stride);
        CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
        CudaAsm.Emit("@@load_n1 %0, %1, %2;", values, s.Length, stride);
        CudaAsm.Emit("@@load_n3 %0, %1, %2;", values + a.QkvTangent, s.Length, stride);
        for (int first = 0; first < s.Length; first += a.NTile)
        {
            int next = first + a.NTile;
            CudaAsm.Emit("@@logits;");
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;"); // the values have arrived, and no warp reads these keys any more
            if (next < s.Length)
            {
                CudaAsm.Emit("@@load_n0 %0, %1, %2;", keys + next * stride, s.Length - next, stride);
                CudaAsm.Emit("@@load_n2 %0, %1, %2;", keys + a.QkvTangent + next * stride, s.Length - next, stride);
            }

            if (next > s.Length)
                CudaAsm.Emit("@@mask %0;", s.Length - first);
            if (first == 0)
                CudaAsm.Emit("@@centre %0;", s.Scale / Math.Min(a.NTile, s.Length));
            CudaAsm.Emit("@@weights;");
            CudaAsm.Emit("@@outputs;");
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
            if (next < s.Length)
            {
                CudaAsm.Emit("@@load_n1 %0, %1, %2;", values + next * stride, s.Length - next, stride);
                CudaAsm.Emit("@@load_n3 %0, %1, %2;", values + a.QkvTangent + next * stride, s.Length - next, stride);
            }
        }

        CudaAsm.Emit("@@finish;");
        long output = a.Y + ((long)image * s.Length + row) * channels + head;
        CudaAsm.Emit("@@store %0, %1, %2;", output, left, channels);
        CudaAsm.Emit("@@store_u %0, %1, %2;", output + a.YTangent, left, channels);
        CudaAsm.Emit("@@store_log %0, %1;", a.LogSumExp + 4L * (pair * s.Length + row), left);
    }
}
