using System.Reflection;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// bf16 on tensor cores by mma.sync (sm_80 and newer), as FlashAttention-2 orders it (arXiv:2307.08691, section 3): a block owns
/// rows, streams tiles of the other side, and what it sums stays in registers until the last tile. Products of bf16
/// accumulate in fp32; weights are rounded to bf16 for the second product.
/// </summary>
/// <remarks>
/// The tangent differs from the portable form in what it centres H on: not the running mean, which would move the
/// sums at every tile, but the mean of tS over the first tile, a constant c for each row. Any c gives the same
/// tO = (P tV + (P o (tS - c)) V - rowsum(P o (tS - c)) O); this one takes a large mean of tS out of what is rounded to bf16.
/// The primal goes through the same instructions with and without a tangent and has the same bits.
/// </remarks>
public static partial class Attention
{
    /// <summary>A block of a pair of image and head: its own rows by streamed keys and values, two stages in turn.</summary>
    internal static void ForwardMma(
        long qkv, long y, long logSumExp, int length, int heads, int depth, int rows, int streamed, int tiles, float scale)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@start %0;", scale);
        int pair = Grid.IdxX / tiles, row = (Grid.IdxX - pair * tiles) * rows, image = pair / heads, left = length - row;
        long channels = 2L * heads * depth, stride = 3 * channels, head = 2L * (pair - image * heads) * depth;
        long queries = qkv + (long)image * length * stride + head, keys = queries + channels;
        long values = keys + channels;
        CudaAsm.Emit("@@load_own0 %0, %1, %2;", queries + row * stride, left, stride);
        CudaAsm.Emit("@@load_tile0 %0, %1, %2;", keys, length, stride);
        CudaAsm.Emit("@@load_tile1 %0, %1, %2;", values, length, stride);
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

        CudaAsm.Emit("@@finish;");
        CudaAsm.Emit("@@store %0, %1, %2;", y + ((long)image * length + row) * channels + head, left, channels);
        CudaAsm.Emit("@@store_log %0, %1;", logSumExp + 4L * (pair * length + row), left);
    }

    /// <summary>The same with a tangent: four streamed tiles, of which the keys' are replaced while values are in use, and the reverse.</summary>
    internal static void TangentMma(
        long qkv, long y, long logSumExp, long qkvTangent, long yTangent,
        int length, int heads, int depth, int rows, int streamed, int tiles, float scale)
    {
        CudaAsm.Emit("@@declare;");
        CudaAsm.Emit("@@start %0;", scale);
        int pair = Grid.IdxX / tiles, row = (Grid.IdxX - pair * tiles) * rows, image = pair / heads, left = length - row;
        long channels = 2L * heads * depth, stride = 3 * channels, head = 2L * (pair - image * heads) * depth;
        long queries = qkv + (long)image * length * stride + head, keys = queries + channels;
        long values = keys + channels;
        CudaAsm.Emit("@@load_own0 %0, %1, %2;", queries + row * stride, left, stride);
        CudaAsm.Emit("@@load_own1 %0, %1, %2;", queries + qkvTangent + row * stride, left, stride);
        CudaAsm.Emit("@@load_tile0 %0, %1, %2;", keys, length, stride);
        CudaAsm.Emit("@@load_tile2 %0, %1, %2;", keys + qkvTangent, length, stride);
        CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
        CudaAsm.Emit("@@load_tile1 %0, %1, %2;", values, length, stride);
        CudaAsm.Emit("@@load_tile3 %0, %1, %2;", values + qkvTangent, length, stride);
        for (int first = 0; first < length; first += streamed)
        {
            int next = first + streamed;
            CudaAsm.Emit("@@logits;");
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;"); // the values are there, and no warp reads these keys any more
            if (next < length)
            {
                CudaAsm.Emit("@@load_tile0 %0, %1, %2;", keys + next * stride, length - next, stride);
                CudaAsm.Emit("@@load_tile2 %0, %1, %2;", keys + qkvTangent + next * stride, length - next, stride);
            }

            if (next > length)
                CudaAsm.Emit("@@mask %0;", length - first);
            if (first == 0)
                CudaAsm.Emit("@@centre %0;", scale / Math.Min(streamed, length));
            CudaAsm.Emit("@@weights;");
            CudaAsm.Emit("@@outputs;");
            CudaAsm.Emit("cp.async.wait_all;\n\tbar.sync 0;");
            if (next < length)
            {
                CudaAsm.Emit("@@load_tile1 %0, %1, %2;", values + next * stride, length - next, stride);
                CudaAsm.Emit("@@load_tile3 %0, %1, %2;", values + qkvTangent + next * stride, length - next, stride);
            }
        }

        CudaAsm.Emit("@@finish;");
        long output = y + ((long)image * length + row) * channels + head;
        CudaAsm.Emit("@@store %0, %1, %2;", output, left, channels);
        CudaAsm.Emit("@@store_u %0, %1, %2;", output + yTangent, left, channels);
        CudaAsm.Emit("@@store_log %0, %1;", logSumExp + 4L * (pair * length + row), left);
    }

    private static Action ForwardOnTensorCores(GpuDevice gpu, AttentionTiling tiling, Tensor qkv, Tensor y, Tensor logSumExp, AttentionSizes sizes)
    {
        bool tangent = qkv.HasTangent;
        PtxKernel kernel = PtxKernel.Load(gpu, MmaSpec(tangent ? nameof(TangentMma) : nameof(ForwardMma), tiling));
        int tiles = sizes.Tiles(tiling.Rows);
        return tangent
            ? () => kernel.Launch(
                sizes.Pairs * tiles, qkv.Address, y.Address, logSumExp.Address, 2L * sizes.QkvTangent, 2L * sizes.OutputTangent,
                sizes.Length, sizes.Heads, sizes.Depth, tiling.Rows, tiling.Streamed, tiles, sizes.Scale)
            : () => kernel.Launch(
                sizes.Pairs * tiles, qkv.Address, y.Address, logSumExp.Address,
                sizes.Length, sizes.Heads, sizes.Depth, tiling.Rows, tiling.Streamed, tiles, sizes.Scale);
    }

    /// <summary>What a tensor-core kernel is made from. sm_80 has every instruction used, and its text runs on all that is newer.</summary>
    internal static PtxKernelSpec MmaSpec(string method, AttentionTiling tiling) => new(
        typeof(Attention).GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!, tiling.Name, "sm_80",
        tiling.Threads, tiling.SharedBytes, method switch
        {
            nameof(ForwardMma) => AttentionMacros.Forward(tiling),
            nameof(TangentMma) => AttentionMacros.Tangent(tiling),
            nameof(QueryGradientMma) => AttentionMacros.QueryGradient(tiling),
            nameof(KeyValueGradientMma) => AttentionMacros.KeyValueGradient(tiling),
            _ => throw new ArgumentOutOfRangeException(nameof(method), method, "no kernel of attention"),
        });
}
