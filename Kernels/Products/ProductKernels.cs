using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Chooses the product path of a device; a further generation of tensor cores is one line here.</summary>
internal static class ProductKernels
{
    /// <summary>
    /// Returns the path for weights of a type. The portable path widens bf16 operands first: slow, and the reference of the others. The host has
    /// loops of its own, <see cref="ConvolutionHost"/>, for the operands that the portable kernels take.
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
