using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Chooses the path that a device multiplies with; a further generation of tensor cores is one line here.</summary>
internal static class ProductKernels
{
    /// <summary>
    /// The path for weights stored in a type. Where it is portable, bf16 operands are widened first: slow, and the reference of the others. The
    /// host computes in loops of its own, <see cref="ConvolutionHost"/>, of operands as portable kernels take them.
    /// </summary>
    public static ProductPath On(ComputeDevice device, DType type) => device is GpuDevice gpu && type == DType.BFloat16
        ? gpu.TensorCores switch
        {
            TensorCorePath.Wgmma => WgmmaProduct.Path,
            TensorCorePath.Mma => MmaProduct.Path,
            _ => PortableProduct.Path,
        }
        : PortableProduct.Path;
}
