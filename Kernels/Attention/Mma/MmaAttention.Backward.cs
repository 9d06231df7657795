using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Algorithms.ScanReduceOperations;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Gradients on tensor cores: delta, one warp for each row; dQ, one block for each m tile of queries; dK and dV, one block for each m tile of keys.
/// As in the portable form, each of the two passes recomputes the weights, so that no atomic additions are needed and the order of sums is fixed.
/// </summary>
internal sealed partial class MmaAttention
{
    /// <summary>Threads of a block of <see cref="DeltaWarpKernel"/>, which computes eight rows.</summary>
    private const int DeltaThreads = 256;

    /// <summary>delta = rowsum(dO o O), from bf16 to fp32; a lane reads two channels at a time, since D is even.</summary>
    internal static void DeltaWarpKernel(ArrayView<uint> y, ArrayView<uint> dy, ArrayView<float> delta, AttentionSizes sizes)
    {
        int i = Grid.IdxX * (DeltaThreads / 32) + (Group.IdxX >> 5), lane = Group.IdxX & 31;
        if (i >= sizes.Pairs * sizes.Length)
            return;
        int pair = i / sizes.Length;
        int index = (sizes.Output(pair) + (i - pair * sizes.Length) * sizes.Channels) >> 1;
        float sum = 0f;
        for (int word = lane; word < sizes.Depth >> 1; word += 32)
        {
            uint a = y[index + word], b = dy[index + word];
            sum += BFloat16.Lower(a) * BFloat16.Lower(b) + BFloat16.Upper(a) * BFloat16.Upper(b);
        }

        sum = WarpExtensions.AllReduce<float, AddFloat>(sum);
        if (lane == 0)
            delta[i] = sum;
    }

    [PtxEntry]
    internal static void QueryGradientMma(AttentionMmaBackward a)
    {
        CudaAsm.Emit("@@declare;");
        AttentionSizes s = a.Grid.Sizes;
        int pair = Grid.IdxX / a.Grid.Tiles, row = (Grid.IdxX - pair * a.Grid.Tiles) * a.MTile, image = pair / s.Heads, left = s.Length - row;
        long channels = 2L * s.Heads * s.Depth, stride = 3 * channels, head = 2L * (pair - image * s.Heads) * s.Depth;
        long origin = (long)image * s.Length * stride + head, statistics = 4L * (pair * s.Length + row);
        long keys = a.Qkv + origin + channels, values = keys + channels;
        CudaAsm.Emit("@@load_m0 %0, %1, %2;", a.Qkv + origin + row * stride, left, stride);
        CudaAsm.Emit("@@load_m1 %0, %1, %2;", a.Dy + ((long)image * s.Length + row) * channels + head, left, channels);
        CudaAsm.Emit("@@load_n0 %0, %1, %2;", keys, s.Length, stride);
        CudaAsm.Emit("@@load_n1 %0, %1, %2;", values, s.Length, stride);
        CudaAsm.Emit("@@rows %0, %1, %2, %3;", a.LogSumExp + statistics, a.Delta + statistics, left, s.Scale);
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

        if (a.Add != 0)
            CudaAsm.Emit("@@add %0, %1, %2;", a.Dqkv + origin + row * stride, left, stride);
        else
            CudaAsm.Emit("@@store %0, %1, %2;", a.Dqkv + origin + row * stride, left, stride);
    }

    [PtxEntry]
    internal static void KeyValueGradientMma(AttentionMmaBackward a)
    {
        CudaAsm.Emit("@@declare;");
        AttentionSizes s = a.Grid.Sizes;
        int pair = Grid.IdxX / a.Grid.Tiles, row = (Grid.IdxX - pair * a.Grid.Tiles) * a.MTile, image = pair / s.Heads, left = s.Length - row;
        long channels = 2L * s.Heads * s.Depth, stride = 3 * channels, head = 2L * (pair - image * s.Heads) * s.Depth;
        long queries = (long)image * s.Length * stride + head, keys = queries + channels + row * stride, statistics = 4L * pair * s.Length;
        long cotangents = a.Dy + (long)image * s.Length * channels + head;
        CudaAsm.Emit("@@load_m0 %0, %1, %2;", a.Qkv + keys, left, stride);
        CudaAsm.Emit("@@load_m1 %0, %1, %2;", a.Qkv + keys + channels, left, stride);
        CudaAsm.Emit("@@load_n0 %0, %1, %2;", a.Qkv + queries, s.Length, stride);
        CudaAsm.Emit("@@load_n1 %0, %1, %2;", cotangents, s.Length, channels);
        CudaAsm.Emit("@@load_statistics %0, %1, %2;", a.LogSumExp + statistics, a.Delta + statistics, s.Length);
        for (int first = 0; first < s.Length; first += a.NTile)
        {
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
            CudaAsm.Emit("@@arrived;");
            int next = first + a.NTile;
            if (next < s.Length)
            {
                CudaAsm.Emit("@@load_n0 %0, %1, %2;", a.Qkv + queries + next * stride, s.Length - next, stride);
                CudaAsm.Emit("@@load_n1 %0, %1, %2;", cotangents + next * channels, s.Length - next, channels);
                long tile = statistics + 4L * next;
                CudaAsm.Emit("@@load_statistics %0, %1, %2;", a.LogSumExp + tile, a.Delta + tile, s.Length - next);
            }

            CudaAsm.Emit("@@logits;");
            if (next > s.Length)
                CudaAsm.Emit("@@mask %0;", s.Length - first);
            CudaAsm.Emit("@@weights %0;", s.Scale);
            CudaAsm.Emit("@@outputs;");
        }

        if (a.Add != 0)
        {
            CudaAsm.Emit("@@add %0, %1, %2;", a.Dqkv + keys + channels, left, stride);
            CudaAsm.Emit("@@add_u %0, %1, %2;", a.Dqkv + keys, left, stride);
        }
        else
        {
            CudaAsm.Emit("@@store %0, %1, %2;", a.Dqkv + keys + channels, left, stride);
            CudaAsm.Emit("@@store_u %0, %1, %2;", a.Dqkv + keys, left, stride);
        }
    }
}
