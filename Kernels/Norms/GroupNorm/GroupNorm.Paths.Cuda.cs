using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Which kernels run: on a GPU those of <see cref="OnChipTiling"/> where x is stored in bf16 and has a tiling, else the portable ones,
/// which take any shape and are the reference.
/// </summary>
public static partial class GroupNorm
{
    /// <summary>The kernels with inline PTX at a few plans: one block, several blocks and wide tiles of an image, on sm_90 with 132 multiprocessors.</summary>
    internal static IEnumerable<PtxKernelSpec> Specifications() =>
        from shape in (Shape[])[new(256, 32, 32, 128), new(256, 32, 32, 256), new(256, 16, 16, 256), new(256, 8, 8, 256)]
        let tiling = OnChipTiling.For(shape, Math.Min(32, shape.C / 4), hopper: true, 132)
        where tiling is not null
        from specification in (IEnumerable<PtxKernelSpec>)
        [
            GroupNormPtx.Forward(tiling.Value, "sm_90a", tangent: false, silu: true, dropping: false),
            GroupNormPtx.Forward(tiling.Value, "sm_90a", tangent: true, silu: true, dropping: false),
            GroupNormPtx.Backward(tiling.Value, "sm_90a", silu: true, add: false, deferred: false, dropping: false),
        ]
        select specification;

    private static OnChipTiling? TilingOf(ComputeDevice device, Tensor x, Tensor? xSkip, int groups)
    {
        if (x.Type != DType.BFloat16 || device is not GpuDevice { IsCuda: true } gpu)
            return null;
        var shape = new Shape(x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C + (xSkip?.Shape.C ?? 0));
        OnChipTiling? tiling = OnChipTiling.For(shape, groups, gpu.IsHopper, gpu.Multiprocessors);
        return xSkip is not null && x.Shape.C % OnChipTiling.VectorChannels != 0 ? null : tiling; // a run of channels must not lie in both
    }

    private static Action ForwardGpu(GpuDevice gpu, Terms terms)
    {
        if (terms.Tiling is { } tiling)
            return ForwardOnChip(gpu, terms, tiling);
        return terms.X.Type == DType.BFloat16 ? ForwardPortable<BFloat16>(gpu, terms) : ForwardPortable<Single32>(gpu, terms);
    }

    private static Action BackwardGpu(GpuDevice gpu, Terms terms, Gradients gradients)
    {
        Action images = terms.Tiling is { } tiling ? BackwardOnChip(gpu, terms, gradients, tiling)
            : terms.X.Type == DType.BFloat16 ? BackwardPortable<BFloat16>(gpu, terms, gradients)
            : BackwardPortable<Single32>(gpu, terms, gradients);
        if (gradients.Weight is null && gradients.Bias is null)
            return images;
        Action sums = SumOverImagesGpu(gpu, terms, gradients);
        return () =>
        {
            images();
            sums();
        };
    }
}
