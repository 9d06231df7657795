using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Kernels;

public static partial class GroupNorm
{
    /// <summary>The kernels that hold a tile of the activation on the chip: for bf16 on a GPU, if the activation has an <see cref="OnChipTiling"/>.</summary>
    private sealed class OnChipPath(OnChipTiling tiling) : Path
    {
        /// <inheritdoc/>
        public override bool Fuses => true;

        /// <summary>Returns the path for an activation (N, H, W, C); null if it has no tiling.</summary>
        public static OnChipPath? For(GpuDevice gpu, Shape x, int groups) =>
            OnChipTiling.For(x, groups, gpu.IsHopper, gpu.Multiprocessors) is { } tiling ? new OnChipPath(tiling) : null;

        /// <summary>Lists the kernels at a few tilings: one block, several blocks and wide tiles of an image, on sm_90 with 132 multiprocessors.</summary>
        public static IEnumerable<PtxKernelSpec> Specifications() =>
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

        /// <inheritdoc/>
        public override Action Forward(GpuDevice gpu, Terms terms)
        {
            Extents s = terms.Extents;
            PtxKernel kernel = PtxKernel.Load(gpu, GroupNormPtx.Forward(tiling, GroupNormPtx.Architecture(gpu), s.Tangent != 0, s.Silu != 0, terms.Dropout is not null));
            return () =>
            {
                var arguments = new OnChipForward { In = InputsOf(terms, tiles: 1 + s.Tangent), Y = terms.Y.Address };
                kernel.Launch(BlocksOf(s), in arguments);
            };
        }

        /// <inheritdoc/>
        public override Action Backward(GpuDevice gpu, Terms terms, Gradients gradients)
        {
            Extents s = terms.Extents;
            (DeferredGradient? deferred, DeferredGradient? deferredSkip) = (gradients.Deferred, gradients.DeferredSkip);
            int adds = (gradients.X?.Add ?? 0) + 2 * (gradients.XSkip?.Add ?? 0), takes = (deferred is null ? 0 : 1) + (deferredSkip is null ? 0 : 2);
            PtxKernel kernel = PtxKernel.Load(gpu, GroupNormPtx.Backward(tiling, GroupNormPtx.Architecture(gpu), s.Silu != 0, adds != 0, takes != 0, terms.Dropout is not null));
            return () =>
            {
                var arguments = new OnChipBackward
                {
                    In = InputsOf(terms, tiles: 2),
                    Dy = gradients.Dy.Address,
                    Dx = new OnChipSources { X = gradients.X?.Tensor.Address ?? 0, XSkip = gradients.XSkip?.Tensor.Address ?? 0 },
                    Deferred = new OnChipSources { X = deferred?.Cotangent.Address ?? 0, XSkip = deferredSkip?.Cotangent.Address ?? 0 },
                    Factor = deferred?.Factor ?? 0f,
                    FactorSkip = deferredSkip?.Factor ?? 0f,
                    ChannelSums = gradients.ChannelSums.Address,
                    DModulation = gradients.Modulation?.Tensor.Address ?? 0,
                    Write = WriteMode(gradients.Modulation),
                    Input = gradients.X is not null || gradients.XSkip is not null ? 1 : 0,
                    Adds = adds,
                    Takes = takes,
                };
                kernel.Launch(BlocksOf(s), in arguments);
            };
        }

        private int BlocksOf(Extents s) => s.Images * (s.Channels / tiling.Channels) * tiling.Cluster;

        private OnChipInputs InputsOf(Terms terms, int tiles) => new()
        {
            X = new OnChipSources { X = terms.X.Address, XSkip = (terms.XSkip ?? terms.X).Address },
            FirstChannels = terms.X.Shape.C,
            Half = terms.Extents.Silu != 0 ? 0.5f : 1f,
            Weight = terms.Weight.Address,
            Bias = terms.Bias.Address,
            Modulation = (terms.Modulation ?? terms.Weight).Address,
            Statistics = terms.Statistics.Address,
            Extents = terms.Extents,
            Grid = new OnChipGrid(tiling, terms.Extents, tiles),
            Dropout = terms.Dropout is { } mask
                ? new OnChipDropout { Counter = mask.Counter.Address, Stream = mask.Stream, Limit = mask.Limit, Scale = mask.Scale }
                : default,
        };
    }
}
