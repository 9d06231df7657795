using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Kernels;

/// <summary>bf16 on Hopper's tensor cores: tensor maps and launches of <see cref="WgmmaAttention"/>.</summary>
public static partial class Attention
{
    private static Action ForwardOnHopper(GpuDevice gpu, WgmmaAttentionTile tile, Tensor qkv, Tensor y, Tensor logSumExp, AttentionSizes sizes)
    {
        PtxKernel kernel = PtxKernel.Load(gpu, WgmmaSpec(tile));
        var maps = new TensorMaps(gpu, 1);
        int tiles = sizes.Tiles(tile.Rows), items = sizes.Pairs * tiles, images = sizes.Images * (tile.Tangent ? 2 : 1);
        return () =>
        {
            maps.Encode(set => Rows(set, qkv, sizes, 3 * sizes.Heads, images));
            kernel.Launch(
                Math.Min(items, gpu.Multiprocessors), maps.Address, y.Address, y.Address + 2L * sizes.OutputTangent, logSumExp.Address, sizes.Length, sizes.Heads,
                sizes.Depth, sizes.Images, tiles, items, tile.Places, tile.Chunks, tile.Tangent ? 1 : 0, sizes.Scale);
        };
    }

    /// <summary>
    /// What gradients need of each row, for tiles of 64 rows one after another: 64 times -lse, as a power of two, then 64 times
    /// -rowsum(dO o O) / sqrt(D). Rows beyond the length, up to <paramref name="padded"/>, get values for which all weights are 0. One warp a row.
    /// </summary>
    internal static void StatisticsKernel(
        ArrayView<uint> y, ArrayView<uint> dy, ArrayView<float> logSumExp, ArrayView<float> statistics, AttentionSizes sizes, int padded)
    {
        int i = Grid.IdxX * (DeltaThreads / 32) + (Group.IdxX >> 5), lane = Group.IdxX & 31;
        if (i >= sizes.Pairs * padded)
            return;
        int pair = i / padded, row = i - pair * padded;
        float sum = 0f, log = float.PositiveInfinity;
        if (row < sizes.Length)
        {
            sum = RowDelta(y, dy, sizes, pair, row, lane);
            log = logSumExp[pair * sizes.Length + row];
        }

        if (lane != 0)
            return;
        int at = 2 * i - (row & 63); // 128 values for 64 rows
        statistics[at] = -log * Log2E;
        statistics[at + 64] = -sum * sizes.Scale;
    }

    private const float Log2E = 1.44269504f;

    private static Action BackwardOnHopper(GpuDevice gpu, Tensor qkv, Tensor y, Tensor dy, Tensor logSumExp, Tensor statistics, GradientSlot slot, AttentionSizes sizes)
    {
        var prepare = gpu.Accelerator.LoadKernel<ArrayView<uint>, ArrayView<uint>, ArrayView<float>, ArrayView<float>, AttentionSizes, int>(StatisticsKernel);
        int padded = PaddedLength(sizes), rows = sizes.Pairs * padded;
        var grid = new KernelConfig((rows + DeltaThreads / 32 - 1) / (DeltaThreads / 32), DeltaThreads);
        AttentionGradientTile queries = new(sizes.Depth, OwnsKeys: false), keys = new(sizes.Depth, OwnsKeys: true);
        PtxKernel queryKernel = PtxKernel.Load(gpu, WgmmaSpec(queries)), keyKernel = PtxKernel.Load(gpu, WgmmaSpec(keys));
        var maps = new TensorMaps(gpu, 2);
        return () =>
        {
            maps.Encode(set =>
            {
                Rows(set, qkv, sizes, 3 * sizes.Heads, sizes.Images);
                Rows(set + TensorMap.Bytes, dy, sizes, sizes.Heads, sizes.Images);
            });
            prepare(gpu.Stream, grid, y.ViewOf<BFloat16>().Cast<uint>(), dy.ViewOf<BFloat16>().Cast<uint>(), logSumExp.View, statistics.View, sizes, padded);
            Launch(queryKernel, queries);
            Launch(keyKernel, keys);
        };

        void Launch(PtxKernel kernel, AttentionGradientTile tile)
        {
            int tiles = sizes.Tiles(tile.Rows), items = sizes.Pairs * tiles;
            kernel.Launch(
                Math.Min(items, gpu.Multiprocessors), maps.Address, statistics.Address, slot.Tensor.Address, sizes.Length, padded, sizes.Heads, sizes.Depth, tiles, items,
                tile.Rows, tile.Chunks, tile.Places, tile.OwnsKeys ? 1 : 0, sizes.Scale, slot.Add);
        }
    }

    /// <summary>Rows of a head in <see cref="StatisticsKernel"/>'s result: whole tiles of 128.</summary>
    private static int PaddedLength(AttentionSizes sizes) => 128 * sizes.Tiles(128);

    /// <summary>A tensor map (channel, head, row, image) whose boxes are chunks of 64 rows by 64 channels.</summary>
    private static void Rows(nint target, Tensor tensor, AttentionSizes sizes, int heads, int images) => TensorMap.Encode(
        target, (nint)tensor.Address, [sizes.Depth, heads, sizes.Length, images],
        [sizes.Depth, (long)heads * sizes.Depth, (long)sizes.Length * heads * sizes.Depth], [64, 1, WgmmaAttentionTile.Streamed, 1]);

    /// <inheritdoc cref="WgmmaSpec(WgmmaAttentionTile)"/>
    internal static PtxKernelSpec WgmmaSpec(AttentionGradientTile tile) => new(
        ((Delegate)WgmmaAttentionGradient.Accumulate).Method, tile.ToString(), "sm_90a", WgmmaAttentionTile.Threads, tile.SharedBytes, WgmmaGradientMacros.Of(tile))
    { Resident = 1 };

    /// <summary>What a kernel on Hopper's tensor cores is made from.</summary>
    internal static PtxKernelSpec WgmmaSpec(WgmmaAttentionTile tile) => new(
        (tile.Shares ? (Delegate)WgmmaAttention.InTurn : WgmmaAttention.Overlapped).Method, tile.ToString(), "sm_90a", WgmmaAttentionTile.Threads, tile.SharedBytes,
        WgmmaAttentionMacros.Of(tile))
    { Resident = 1 };
}
