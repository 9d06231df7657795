using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>Kernels on mma.sync, for sm_80 and newer, where a tiling fits the head.</summary>
internal sealed partial class MmaAttention(AttentionTiling tiling) : AttentionPath
{
    /// <summary>Specification of a kernel on mma.sync. Its instructions all exist on sm_80, and its text runs on all newer GPUs.</summary>
    internal static PtxKernelSpec Specification(string method, AttentionTiling tiling) => new(
        typeof(MmaAttention).GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!, tiling.Name, "sm_80",
        tiling.Threads, tiling.SharedBytes, method switch
        {
            nameof(ForwardMma) => AttentionMmaPtx.Forward(tiling),
            nameof(TangentMma) => AttentionMmaPtx.Tangent(tiling),
            nameof(QueryGradientMma) => AttentionMmaPtx.QueryGradient(tiling),
            nameof(KeyValueGradientMma) => AttentionMmaPtx.KeyValueGradient(tiling),
            _ => throw new ArgumentOutOfRangeException(nameof(method), method, "no kernel of attention"),
        });

    /// <summary>Shared memory of a block on sm_80 in bytes, for the catalogue.</summary>
    private const int CatalogueSharedBytes = 163 << 10;

    /// <summary>The path for a head; null if no tiling fits.</summary>
    public static MmaAttention? For(GpuDevice gpu, AttentionSizes sizes) => AttentionTiling.For(gpu, sizes) is { } tiling ? new MmaAttention(tiling) : null;

    /// <summary>Lists every kernel, for heads of 64, 128 and 256 channels.</summary>
    public static IEnumerable<PtxKernelSpec> Specifications() =>
        from depth in (int[])[64, 128, 256]
        from kernel in (string[])[nameof(ForwardMma), nameof(TangentMma), nameof(QueryGradientMma), nameof(KeyValueGradientMma)]
        select Specification(kernel, AttentionTiling.For(CatalogueSharedBytes, depth, length: 256)!);

    /// <inheritdoc/>
    public override void Forward(ComputeProgram program, AttentionOperands operands) => program.Emit(
        operands.Step, [operands.Qkv], [operands.Y, operands.LogSumExp], _ => { }, gpu =>
        {
            PtxKernel kernel = PtxKernel.Load(gpu, Specification(operands.Qkv.HasTangent ? nameof(TangentMma) : nameof(ForwardMma), tiling));
            var grid = new AttentionGrid(operands.Sizes, tiling.MTile);
            return () =>
            {
                var arguments = new AttentionMmaForward
                {
                    Qkv = operands.Qkv.Address,
                    Y = operands.Y.Address,
                    LogSumExp = operands.LogSumExp.Address,
                    QkvTangent = 2L * operands.Sizes.QkvTangent,
                    YTangent = 2L * operands.Sizes.OutputTangent,
                    Grid = grid,
                    MTile = tiling.MTile,
                    NTile = tiling.NTile,
                };
                kernel.Launch(grid.Items, in arguments);
            };
        });

    /// <inheritdoc/>
    public override void Backward(ComputeProgram program, AttentionOperands operands, Tensor dy, GradientSlot dqkv)
    {
        Tensor delta = program.Allocate(operands.LogSumExp.Shape);
        program.Emit(
            "attention.backward", [operands.Qkv, operands.Y, dy, operands.LogSumExp, dqkv.ReadTensor], [dqkv.Tensor, delta],
            _ => { }, gpu => Backward(gpu, operands, dy, delta, dqkv));
    }

    private Action Backward(GpuDevice gpu, AttentionOperands operands, Tensor dy, Tensor delta, GradientSlot dqkv)
    {
        var deltas = gpu.Accelerator.LoadKernel<ArrayView<uint>, ArrayView<uint>, ArrayView<float>, AttentionSizes>(DeltaWarpKernel);
        PtxKernel queries = PtxKernel.Load(gpu, Specification(nameof(QueryGradientMma), tiling));
        PtxKernel keysAndValues = PtxKernel.Load(gpu, Specification(nameof(KeyValueGradientMma), tiling));
        var deltaGrid = new KernelConfig((delta.Count + DeltaThreads / 32 - 1) / (DeltaThreads / 32), DeltaThreads);
        var grid = new AttentionGrid(operands.Sizes, tiling.MTile);
        return () =>
        {
            deltas(gpu.Stream, deltaGrid, operands.Y.ViewOf<BFloat16>().Cast<uint>(), dy.ViewOf<BFloat16>().Cast<uint>(), delta.View, operands.Sizes);
            var arguments = new AttentionMmaBackward
            {
                Qkv = operands.Qkv.Address,
                Dy = dy.Address,
                LogSumExp = operands.LogSumExp.Address,
                Delta = delta.Address,
                Dqkv = dqkv.Tensor.Address,
                Grid = grid,
                MTile = tiling.MTile,
                NTile = tiling.NTile,
                Add = dqkv.Add,
            };
            queries.Launch(grid.Items, in arguments);
            keysAndValues.Launch(grid.Items, in arguments);
        };
    }
}
