using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

public static partial class GroupNorm
{
    /// <summary>The kernels that run on a GPU: fast ones for some activations, or the portable ones.</summary>
    private abstract class Path
    {
        /// <summary>The fast paths, the fastest first; each supports some shapes on some GPUs.</summary>
        private static readonly Func<GpuDevice, Shape, int, Path?>[] Fast = [OnChipPath.For];

        /// <summary>Whether the kernels read xSkip without a copy, apply the mask of a dropout that follows, and add deferred gradients.</summary>
        public abstract bool Fuses { get; }

        /// <summary>Returns the fastest path for an activation x and perhaps xSkip, whose channels follow.</summary>
        public static Path For(ComputeDevice device, Tensor x, Tensor? xSkip, int groups)
        {
            bool split = xSkip is not null && x.Shape.C % OnChipTiling.VectorChannels != 0; // a run of channels must not lie in both
            if (split || x.Type != DType.BFloat16 || device is not GpuDevice { IsCuda: true } gpu)
                return new PortablePath();
            var shape = new Shape(x.Shape.N, x.Shape.H, x.Shape.W, x.Shape.C + (xSkip?.Shape.C ?? 0));
            return Fast.Select(path => path(gpu, shape, groups)).FirstOrDefault(path => path is not null) ?? new PortablePath();
        }

        /// <summary>Loads the kernels of the output and the statistics.</summary>
        public abstract Action Forward(GpuDevice gpu, Terms terms);

        /// <summary>Loads the kernels of all gradients but those of weight and bias, and of the sums of each image from which these two are computed.</summary>
        public abstract Action Backward(GpuDevice gpu, Terms terms, Gradients gradients);
    }

    /// <summary>The kernels for any shape, in fp32 or bf16: the reference of the fast ones.</summary>
    private sealed class PortablePath : Path
    {
        /// <inheritdoc/>
        public override bool Fuses => false;

        /// <inheritdoc/>
        public override Action Forward(GpuDevice gpu, Terms terms) =>
            terms.X.Type == DType.BFloat16 ? ForwardPortable<BFloat16>(gpu, terms) : ForwardPortable<Single32>(gpu, terms);

        /// <inheritdoc/>
        public override Action Backward(GpuDevice gpu, Terms terms, Gradients gradients) =>
            terms.X.Type == DType.BFloat16 ? BackwardPortable<BFloat16>(gpu, terms, gradients) : BackwardPortable<Single32>(gpu, terms, gradients);
    }

    private static Action BackwardGpu(GpuDevice gpu, Terms terms, Gradients gradients)
    {
        Action images = terms.Path.Backward(gpu, terms, gradients);
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
