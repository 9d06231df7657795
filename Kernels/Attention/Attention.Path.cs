using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

public static partial class Attention
{
    /// <summary>The tensors of an application.</summary>
    /// <param name="Qkv">(N, H, W, 3 heads D).</param>
    /// <param name="Y">(N, H, W, heads D), stored like qkv, with a tangent if that has one.</param>
    /// <param name="LogSumExp">(N, heads, L), fp32.</param>
    /// <param name="Sizes">Extents.</param>
    private sealed record Operands(Tensor Qkv, Tensor Y, Tensor LogSumExp, AttentionSizes Sizes)
    {
        /// <summary>The step that computes the output.</summary>
        public string Step => Qkv.HasTangent ? "attention.tangent" : "attention.forward";

        /// <summary>The same without tangents.</summary>
        public Operands Primal => this with { Qkv = Qkv.Primal, Y = Y.Primal };
    }

    /// <summary>The kernels that record the op: those of a generation of tensor cores, or the portable ones.</summary>
    private abstract class Path
    {
        /// <summary>Those on tensor cores, the fastest first: each serves some heads on some GPUs.</summary>
        private static readonly Func<GpuDevice, AttentionSizes, Path?>[] OnTensorCores = [WgmmaPath.For, MmaPath.For];

        /// <summary>The fastest that serves heads of these extents.</summary>
        public static Path For(ComputeDevice device, DType type, AttentionSizes sizes) =>
            type == DType.BFloat16 && device is GpuDevice gpu
                ? OnTensorCores.Select(path => path(gpu, sizes)).FirstOrDefault(path => path is not null) ?? new PortablePath()
                : new PortablePath();

        /// <summary>Records the output and the log-sum-exp.</summary>
        public abstract void Forward(ComputeProgram program, Operands operands);

        /// <summary>Records the gradient of qkv.</summary>
        /// <param name="program">The program.</param>
        /// <param name="operands">Those of the forward pass, without tangents.</param>
        /// <param name="dy">The cotangent; unless the path is portable, stored like qkv, and so is the gradient.</param>
        /// <param name="dqkv">The gradient.</param>
        public abstract void Backward(ComputeProgram program, Operands operands, Tensor dy, GradientSlot dqkv);
    }
}
