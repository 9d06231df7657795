using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

public static partial class Attention
{
    /// <summary>Tensors of one application of the op.</summary>
    /// <param name="Qkv">(N, H, W, 3 heads D).</param>
    /// <param name="Y">(N, H, W, heads D), of the type of qkv, with a tangent if qkv has one.</param>
    /// <param name="LogSumExp">(N, heads, L), fp32.</param>
    /// <param name="Sizes">Extents.</param>
    private sealed record Operands(Tensor Qkv, Tensor Y, Tensor LogSumExp, AttentionSizes Sizes)
    {
        /// <summary>Step that computes the output.</summary>
        public string Step => Qkv.HasTangent ? "attention.tangent" : "attention.forward";

        /// <summary>The same operands without tangents.</summary>
        public Operands Primal => this with { Qkv = Qkv.Primal, Y = Y.Primal };
    }

    /// <summary>An implementation of the op: for one generation of tensor cores, or portable.</summary>
    private abstract class Path
    {
        /// <summary>Paths on tensor cores, the fastest first; each supports some heads on some GPUs.</summary>
        private static readonly Func<GpuDevice, AttentionSizes, Path?>[] OnTensorCores = [WgmmaPath.For, MmaPath.For];

        /// <summary>Returns the fastest path that supports heads of these extents.</summary>
        public static Path For(ComputeDevice device, DType type, AttentionSizes sizes) =>
            type == DType.BFloat16 && device is GpuDevice gpu
                ? OnTensorCores.Select(path => path(gpu, sizes)).FirstOrDefault(path => path is not null) ?? new PortablePath()
                : new PortablePath();

        /// <summary>Records the output and the log-sum-exp.</summary>
        public abstract void Forward(ComputeProgram program, Operands operands);

        /// <summary>Records the gradient of qkv.</summary>
        /// <param name="program">The program.</param>
        /// <param name="operands">Operands of the forward pass, without tangents.</param>
        /// <param name="dy">Cotangent of y; unless the path is portable, of the type of qkv, and so is the gradient.</param>
        /// <param name="dqkv">Gradient of qkv.</param>
        public abstract void Backward(ComputeProgram program, Operands operands, Tensor dy, GradientSlot dqkv);
    }
}
