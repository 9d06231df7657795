using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Storage type of a network's activations and their gradients, and of the weights that multiply them.</summary>
public enum Precision
{
    /// <summary><see cref="Bf16"/> on an NVIDIA GPU, <see cref="Fp32"/> elsewhere.</summary>
    Auto,

    /// <summary>Everything in fp32.</summary>
    Fp32,

    /// <summary>
    /// Activations and compute weights in bfloat16, on tensor cores; sums, statistics, loss, optimizer and master weights in fp32.
    /// </summary>
    Bf16,
}

/// <summary>Meaning of a precision on a device.</summary>
public static class PrecisionRules
{
    /// <summary>Resolves <see cref="Precision.Auto"/> for a device; other precisions stay as they are.</summary>
    /// <exception cref="ArgumentException">The precision is <see cref="Precision.Bf16"/> and the device is the host.</exception>
    public static Precision On(this Precision precision, ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (precision == Precision.Bf16 && device is CpuDevice)
            throw new ArgumentException("precision: bf16 needs a GPU");
        return precision != Precision.Auto ? precision : device is GpuDevice { IsCuda: true } ? Precision.Bf16 : Precision.Fp32;
    }

    /// <summary>Storage type of activations on a device.</summary>
    /// <exception cref="ArgumentException">The precision is <see cref="Precision.Bf16"/> and the device is the host.</exception>
    public static DType ActivationsOn(this Precision precision, ComputeDevice device) =>
        precision.On(device) == Precision.Bf16 ? DType.BFloat16 : DType.Float32;
}
