using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Device;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>Kernels on wgmma and bulk copies, for sm_90, where a head fills most of its chunks.</summary>
internal sealed partial class WgmmaAttentionPath : AttentionPath
{
    /// <summary>Specification of a forward kernel on wgmma.</summary>
    internal static PtxKernelSpec Specification(WgmmaAttentionTile tile) => new(
        (tile.Shares ? (Delegate)WgmmaAttention.SharedRows : WgmmaAttention.OwnRows).Method, tile.Name, "sm_90a", WgmmaBlock.Threads, tile.SharedBytes,
        WgmmaAttentionPtx.Of(tile))
    { MinResidentBlocks = 1, WholeProgram = true };

    /// <summary>Specification of a gradient kernel on wgmma.</summary>
    internal static PtxKernelSpec Specification(WgmmaAttentionGradientTile tile) => new(
        ((Delegate)WgmmaAttentionGradient.Accumulate).Method, tile.Name, "sm_90a", WgmmaBlock.Threads, tile.SharedBytes, WgmmaAttentionGradientPtx.Of(tile))
    { MinResidentBlocks = 1, WholeProgram = true };

    /// <summary>Returns the path for a head; null if the GPU has no wgmma, or mma.sync is faster.</summary>
    public static WgmmaAttentionPath? For(GpuDevice gpu, AttentionSizes sizes) => WgmmaAttentionTile.Takes(gpu, sizes.Depth) ? new WgmmaAttentionPath() : null;

    /// <summary>Lists every kernel, for heads of one, two and four chunks of 64 channels.</summary>
    public static IEnumerable<PtxKernelSpec> Specifications() =>
        from depth in (int[])[64, 128, 256]
        from second in (bool[])[false, true]
        from spec in (PtxKernelSpec[])[Specification(new WgmmaAttentionTile(depth, second)), Specification(new WgmmaAttentionGradientTile(depth, second))]
        select spec;

    /// <inheritdoc/>
    public override void Forward(ComputeProgram program, AttentionOperands operands) => program.Emit(
        operands.Step, [operands.Qkv], [operands.Y, operands.LogSumExp], _ => { }, gpu =>
        {
            AttentionSizes sizes = operands.Sizes;
            var tile = new WgmmaAttentionTile(sizes.Depth, operands.Qkv.HasTangent);
            PtxKernel kernel = PtxKernel.Load(gpu, Specification(tile));
            var maps = new TensorMaps(gpu, 1);
            var grid = new AttentionGrid(sizes, tile.MTile);
            return () =>
            {
                maps.Encode(set => EncodeRows(set, operands.Qkv, sizes, 3 * sizes.Heads, sizes.Images * (tile.Tangent ? 2 : 1)));
                var arguments = new WgmmaAttentionArguments
                {
                    Map = maps.Address,
                    Y = operands.Y.Address,
                    YTangent = operands.Y.Address + 2L * sizes.OutputTangent,
                    LogSumExp = operands.LogSumExp.Address,
                    Grid = grid,
                    Chunks = tile.Chunks,
                    QueryBytes = tile.QueryBytes,
                    Stages = tile.Stages,
                    Tangent = tile.Tangent ? 1 : 0,
                };
                kernel.Launch(Math.Min(grid.Items, gpu.Multiprocessors), in arguments);
            };
        });

    /// <inheritdoc/>
    public override void Backward(ComputeProgram program, AttentionOperands operands, Tensor dy, GradientSlot dqkv)
    {
        Tensor statistics = program.Allocate(new Shape(operands.Sizes.Pairs, 2 * PaddedLength(operands.Sizes.Length)));
        program.Emit(
            "attention.backward", [operands.Qkv, operands.Y, dy, operands.LogSumExp, dqkv.ReadTensor], [dqkv.Tensor, statistics],
            _ => { }, gpu => Backward(gpu, operands, dy, statistics, dqkv));
    }

    /// <summary>Launches the kernel of the row statistics, then <see cref="WgmmaAttentionGradient"/> twice.</summary>
    private static Action Backward(GpuDevice gpu, AttentionOperands operands, Tensor dy, Tensor statistics, GradientSlot dqkv)
    {
        AttentionSizes sizes = operands.Sizes;
        var prepare = gpu.Accelerator.LoadKernel<
            ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<float>, ArrayView<float>, AttentionSizes, int, int>(StatisticsKernel);
        int padded = PaddedLength(sizes.Length), lanes = StatisticsLanes(sizes.Depth);
        var config = new KernelConfig((sizes.Pairs * padded * lanes + StatisticsThreads - 1) / StatisticsThreads, StatisticsThreads);
        WgmmaAttentionGradientTile queries = new(sizes.Depth, OwnsKeys: false), keys = new(sizes.Depth, OwnsKeys: true);
        PtxKernel queryKernel = PtxKernel.Load(gpu, Specification(queries)), keyKernel = PtxKernel.Load(gpu, Specification(keys));
        var maps = new TensorMaps(gpu, 2);
        return () =>
        {
            maps.Encode(set =>
            {
                EncodeRows(set, operands.Qkv, sizes, 3 * sizes.Heads, sizes.Images);
                EncodeRows(set + TensorMap.Bytes, dy, sizes, sizes.Heads, sizes.Images);
            });
            prepare(gpu.Stream, config, Packs.View<Bf16x8>(operands.Y), Packs.View<Bf16x8>(dy), operands.LogSumExp.View, statistics.View, sizes, padded, lanes);
            Launch(queryKernel, queries);
            Launch(keyKernel, keys);
        };

        void Launch(PtxKernel kernel, WgmmaAttentionGradientTile tile)
        {
            var arguments = new WgmmaAttentionGradientArguments
            {
                Maps = maps.Address,
                Statistics = statistics.Address,
                Dqkv = dqkv.Tensor.Address,
                Grid = new AttentionGrid(sizes, tile.MTile),
                Padded = padded,
                MTile = tile.MTile,
                Chunks = tile.Chunks,
                Stages = tile.Stages,
                OwnsKeys = tile.OwnsKeys ? 1 : 0,
                Add = dqkv.Add,
            };
            kernel.Launch(Math.Min(arguments.Grid.Items, gpu.Multiprocessors), in arguments);
        }
    }

    /// <summary>Encodes a tensor map (channel, head, row, image) whose boxes are chunks of 64 rows by 64 channels.</summary>
    private static void EncodeRows(nint target, Tensor tensor, AttentionSizes sizes, int heads, int images) => TensorMap.Encode(
        target, (nint)tensor.Address, [sizes.Depth, heads, sizes.Length, images],
        [sizes.Depth, (long)heads * sizes.Depth, (long)sizes.Length * heads * sizes.Depth], [64, 1, WgmmaAttentionTile.NTile, 1]);
}
