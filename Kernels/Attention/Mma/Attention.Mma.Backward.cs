using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Gradients on tensor cores: delta, one warp a row; dQ, a block for rows of queries; dK and dV, a block for rows of keys. As in the
/// portable form the two passes recompute the weights each for itself, which spares atomic additions: sums have one order.
/// </summary>
public static partial class Attention
{
    /// <summary>Threads of a block of <see cref="DeltaWarpKernel"/>: eight rows.</summary>
    private const int DeltaThreads = 256;

    /// <summary>delta = rowsum(dO o O), bf16 to fp32, two channels a lane at a time; D is even.</summary>
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

        sum += Warp.ShuffleXor(sum, 16);
        sum += Warp.ShuffleXor(sum, 8);
        sum += Warp.ShuffleXor(sum, 4);
        sum += Warp.ShuffleXor(sum, 2);
        sum += Warp.ShuffleXor(sum, 1);
        if (lane == 0)
            delta[i] = sum;
    }

    internal static void QueryGradientMma(
        long qkv, long dy, long logSumExp, long delta, long dqkv,
        int length, int heads, int depth, int rows, int streamed, int tiles, float scale, int add)
    {
        CudaAsm.Emit("@@declare;");
        int pair = Grid.IdxX / tiles, row = (Grid.IdxX - pair * tiles) * rows, image = pair / heads, left = length - row;
        long channels = 2L * heads * depth, stride = 3 * channels, head = 2L * (pair - image * heads) * depth;
        long origin = (long)image * length * stride + head, statistics = 4L * (pair * length + row);
        long keys = qkv + origin + channels, values = keys + channels;
        CudaAsm.Emit("@@load_own0 %0, %1, %2;", qkv + origin + row * stride, left, stride);
        CudaAsm.Emit("@@load_own1 %0, %1, %2;", dy + ((long)image * length + row) * channels + head, left, channels);
        CudaAsm.Emit("@@load_tile0 %0, %1, %2;", keys, length, stride);
        CudaAsm.Emit("@@load_tile1 %0, %1, %2;", values, length, stride);
        CudaAsm.Emit("@@rows %0, %1, %2, %3;", logSumExp + statistics, delta + statistics, left, scale);
        for (int first = 0; first < length; first += streamed)
        {
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
            CudaAsm.Emit("@@arrived;");
            int next = first + streamed;
            if (next < length)
            {
                CudaAsm.Emit("@@load_tile0 %0, %1, %2;", keys + next * stride, length - next, stride);
                CudaAsm.Emit("@@load_tile1 %0, %1, %2;", values + next * stride, length - next, stride);
            }

            CudaAsm.Emit("@@logits;");
            if (next > length)
                CudaAsm.Emit("@@mask %0;", length - first);
            CudaAsm.Emit("@@weights;");
            CudaAsm.Emit("@@outputs;");
        }

        if (add != 0)
            CudaAsm.Emit("@@add %0, %1, %2;", dqkv + origin + row * stride, left, stride);
        else
            CudaAsm.Emit("@@store %0, %1, %2;", dqkv + origin + row * stride, left, stride);
    }

    internal static void KeyValueGradientMma(
        long qkv, long dy, long logSumExp, long delta, long dqkv,
        int length, int heads, int depth, int rows, int streamed, int tiles, float scale, int add)
    {
        CudaAsm.Emit("@@declare;");
        int pair = Grid.IdxX / tiles, row = (Grid.IdxX - pair * tiles) * rows, image = pair / heads, left = length - row;
        long channels = 2L * heads * depth, stride = 3 * channels, head = 2L * (pair - image * heads) * depth;
        long queries = (long)image * length * stride + head, keys = queries + channels + row * stride, statistics = 4L * pair * length;
        long cotangents = dy + (long)image * length * channels + head;
        CudaAsm.Emit("@@load_own0 %0, %1, %2;", qkv + keys, left, stride);
        CudaAsm.Emit("@@load_own1 %0, %1, %2;", qkv + keys + channels, left, stride);
        CudaAsm.Emit("@@load_tile0 %0, %1, %2;", qkv + queries, length, stride);
        CudaAsm.Emit("@@load_tile1 %0, %1, %2;", cotangents, length, channels);
        CudaAsm.Emit("@@load_statistics %0, %1, %2;", logSumExp + statistics, delta + statistics, length);
        for (int first = 0; first < length; first += streamed)
        {
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
            CudaAsm.Emit("@@arrived;");
            int next = first + streamed;
            if (next < length)
            {
                CudaAsm.Emit("@@load_tile0 %0, %1, %2;", qkv + queries + next * stride, length - next, stride);
                CudaAsm.Emit("@@load_tile1 %0, %1, %2;", cotangents + next * channels, length - next, channels);
                long tile = statistics + 4L * next;
                CudaAsm.Emit("@@load_statistics %0, %1, %2;", logSumExp + tile, delta + tile, length - next);
            }

            CudaAsm.Emit("@@logits;");
            if (next > length)
                CudaAsm.Emit("@@mask %0;", length - first);
            CudaAsm.Emit("@@weights %0;", scale);
            CudaAsm.Emit("@@outputs;");
        }

        if (add != 0)
        {
            CudaAsm.Emit("@@add %0, %1, %2;", dqkv + keys + channels, left, stride);
            CudaAsm.Emit("@@add_u %0, %1, %2;", dqkv + keys, left, stride);
        }
        else
        {
            CudaAsm.Emit("@@store %0, %1, %2;", dqkv + keys + channels, left, stride);
            CudaAsm.Emit("@@store_u %0, %1, %2;", dqkv + keys, left, stride);
        }
    }

    private static Action BackwardOnTensorCores(
        GpuDevice gpu, AttentionTiling tiling, Tensor qkv, Tensor y, Tensor dy, Tensor logSumExp, Tensor delta, GradientSlot slot,
        AttentionSizes sizes)
    {
        var deltas = gpu.Accelerator.LoadKernel<ArrayView<uint>, ArrayView<uint>, ArrayView<float>, AttentionSizes>(DeltaWarpKernel);
        PtxKernel queries = PtxKernel.Load(gpu, MmaSpec(nameof(QueryGradientMma), tiling));
        PtxKernel keysAndValues = PtxKernel.Load(gpu, MmaSpec(nameof(KeyValueGradientMma), tiling));
        var grid = new KernelConfig((delta.Count + DeltaThreads / 32 - 1) / (DeltaThreads / 32), DeltaThreads);
        int tiles = sizes.Tiles(tiling.Rows);
        return () =>
        {
            deltas(gpu.Stream, grid, y.ViewOf<BFloat16>().Cast<uint>(), dy.ViewOf<BFloat16>().Cast<uint>(), delta.View, sizes);
            Launch(queries);
            Launch(keysAndValues);
        };

        void Launch(PtxKernel kernel) => kernel.Launch(
            sizes.Pairs * tiles, qkv.Address, dy.Address, logSumExp.Address, delta.Address, slot.Tensor.Address,
            sizes.Length, sizes.Heads, sizes.Depth, tiling.Rows, tiling.Streamed, tiles, sizes.Scale, slot.Add);
    }
}
