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
        var grid = new AttentionGrid(sizes, tile.Rows);
        int images = sizes.Images * (tile.Tangent ? 2 : 1);
        return () =>
        {
            maps.Encode(set => EncodeRows(set, qkv, sizes, 3 * sizes.Heads, images));
            var arguments = new WgmmaAttentionArguments
            {
                Map = maps.Address,
                Y = y.Address,
                YTangent = y.Address + 2L * sizes.OutputTangent,
                LogSumExp = logSumExp.Address,
                Grid = grid,
                Chunks = tile.Chunks,
                QueryBytes = tile.QueryBytes,
                Stages = tile.Stages,
                Tangent = tile.Tangent ? 1 : 0,
            };
            kernel.Launch(Math.Min(grid.Items, gpu.Multiprocessors), in arguments);
        };
    }

    /// <summary>A tensor map (channel, head, row, image) whose boxes are chunks of 64 rows by 64 channels.</summary>
    private static void EncodeRows(nint target, Tensor tensor, AttentionSizes sizes, int heads, int images) => TensorMap.Encode(
        target, (nint)tensor.Address, [sizes.Depth, heads, sizes.Length, images],
        [sizes.Depth, (long)heads * sizes.Depth, (long)sizes.Length * heads * sizes.Depth], [64, 1, WgmmaAttentionTile.NTile, 1]);

    /// <summary>What a kernel on Hopper's tensor cores is made from.</summary>
    internal static PtxKernelSpec WgmmaSpec(WgmmaAttentionTile tile) => new(
        (tile.Shares ? (Delegate)WgmmaAttention.SharedRows : WgmmaAttention.OwnRows).Method, tile.Name, "sm_90a", WgmmaBlock.Threads, tile.SharedBytes,
        WgmmaAttentionPtx.Of(tile))
    { Resident = 1, Whole = true };
}
