using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Which kernels run: on a GPU those of <see cref="SlabPlan"/> where x is stored in bf16 and has a plan, else the portable ones,
/// which take any shape and are the reference.
/// </summary>
public static partial class GroupNorm
{
    private static SlabPlan? PlanOf(ComputeDevice device, Tensor x, Tensor? more, int groups)
    {
        if (x.Type != DType.BFloat16 || device is not GpuDevice { IsCuda: true } gpu)
            return null;
        var shape = new Shape(x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C + (more?.Shape.C ?? 0));
        SlabPlan? plan = SlabPlan.For(shape, groups, gpu.IsHopper, gpu.Multiprocessors);
        return more is not null && x.Shape.C % SlabPlan.VectorChannels != 0 ? null : plan; // a run of channels must not lie in both
    }

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
