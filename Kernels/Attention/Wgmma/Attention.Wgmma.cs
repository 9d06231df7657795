using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>bf16 on Hopper's tensor cores: the tensor map and the launch of <see cref="WgmmaAttention"/>.</summary>
public static partial class Attention
{
    private static Action ForwardOnHopper(GpuDevice gpu, WgmmaAttentionTile tile, Tensor qkv, Tensor y, Tensor logSumExp, AttentionSizes sizes)
    {
        PtxKernel kernel = PtxKernel.Load(gpu, WgmmaSpec(tile));
        var maps = new TensorMaps(gpu, 1);
        int tiles = sizes.Tiles(tile.Rows), items = sizes.Pairs * tiles, images = sizes.Images * (tile.Tangent ? 2 : 1);
        return () =>
        {
            maps.Encode(set => EncodeRows(set, qkv, sizes, 3 * sizes.Heads, images));
            kernel.Launch(
                Math.Min(items, gpu.Multiprocessors), maps.Address, y.Address, y.Address + 2L * sizes.OutputTangent, logSumExp.Address, sizes.Length, sizes.Heads,
                sizes.Depth, sizes.Images, tiles, items, tile.Places, tile.Chunks, tile.Tangent ? 1 : 0, sizes.Scale);
        };
    }

    /// <summary>A tensor map (channel, head, row, image) whose boxes are chunks of 64 rows by 64 channels.</summary>
    private static void EncodeRows(nint target, Tensor tensor, AttentionSizes sizes, int heads, int images) => TensorMap.Encode(
        target, (nint)tensor.Address, [sizes.Depth, heads, sizes.Length, images],
        [sizes.Depth, (long)heads * sizes.Depth, (long)sizes.Length * heads * sizes.Depth], [64, 1, WgmmaAttentionTile.Streamed, 1]);

    /// <summary>What a kernel on Hopper's tensor cores is made from.</summary>
    internal static PtxKernelSpec WgmmaSpec(WgmmaAttentionTile tile) => new(
        (tile.Shares ? (Delegate)WgmmaAttention.SharedRows : WgmmaAttention.OwnRows).Method, tile.Name, "sm_90a", WgmmaAttentionTile.Threads, tile.SharedBytes,
        WgmmaAttentionMacros.Of(tile))
    { Resident = 1, Whole = true };
}
