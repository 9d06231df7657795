using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>How a network stores activations and their gradients, and which copy of the weights multiplies them.</summary>
public enum Precision
{
    /// <summary><see cref="Bf16"/> on an NVIDIA GPU, <see cref="Fp32"/> elsewhere.</summary>
    Auto,

    /// <summary>All in fp32.</summary>
    Fp32,

    /// <summary>
    /// Activations and weights of products in bfloat16, on tensor cores; sums, statistics, loss, optimizer and stored weights in fp32.
    /// </summary>
    Bf16,
}

/// <summary>What a precision means on a device.</summary>
public static class PrecisionRules
{
    /// <summary>Replaces <see cref="Precision.Auto"/> by what it stands for on a device.</summary>
    /// <exception cref="ArgumentException">The device has no kernels for it.</exception>
    public static Precision On(this Precision precision, ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (precision == Precision.Bf16 && device is CpuDevice)
            throw new ArgumentException("precision: bf16 needs a GPU");
        return precision != Precision.Auto ? precision : device is GpuDevice { IsCuda: true } ? Precision.Bf16 : Precision.Fp32;
    }

    /// <summary>The storage type of activations on a device.</summary>
    /// <exception cref="ArgumentException">As for <see cref="On"/>.</exception>
    public static DType ActivationsOn(this Precision precision, ComputeDevice device) =>
        precision.On(device) == Precision.Bf16 ? DType.BFloat16 : DType.Float32;
}
