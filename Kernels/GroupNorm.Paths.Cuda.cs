using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Which kernels run: on a GPU those of <see cref="SlabPlan"/> where x is stored in bf16 and has a plan, else the portable ones,
/// which take any shape and are the reference.
/// </summary>
public static partial class GroupNorm
{
    private static SlabPlan? PlanOf(ComputeDevice device, Tensor x, int groups) =>
        x.Type == DType.BFloat16 && device is GpuDevice { IsCuda: true } gpu ? SlabPlan.For(x.Shape, groups, gpu.IsHopper, gpu.Multiprocessors) : null;

    private static Action ForwardGpu(GpuDevice gpu, Terms terms)
    {
        if (terms.Plan is { } plan)
            return ForwardSlab(gpu, terms, plan);
        return terms.X.Type == DType.BFloat16 ? ForwardPortable<BFloat16>(gpu, terms) : ForwardPortable<Single32>(gpu, terms);
    }

    private static Action BackwardGpu(GpuDevice gpu, Terms terms, Gradients gradients)
    {
        Action images = terms.Plan is { } plan ? BackwardSlab(gpu, terms, gradients, plan)
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
