using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>What a user may choose about a network of features.</summary>
public sealed record FeatureOptions
{
    /// <summary>Resizing of images for Inception; the networks that are not Inception have one each.</summary>
    public InceptionResizing Resizing { get; init; } = InceptionResizing.Tf1;

    /// <summary>
    /// Images at a time; null for 128 on a GPU and 8 on the host. By calculation Inception at full size takes about 9 MB an image on a GPU, and beside that 0.6 GB for the operands of a
    /// product and 0.3 GB for weights in six parts: 2 GB in all. On the host it takes 8 MB an image and 90 MB. If memory does not suffice, half of the batch is taken, and
    /// half of that.
    /// </summary>
    public int? Batch { get; init; }

    /// <summary>Arithmetic of products; null for six products of bf16 parts, of which three hold the 24 bits of a number in fp32, where there are tensor cores, and for fp32 elsewhere.</summary>
    public MatrixArithmetic? Arithmetic { get; init; }

    /// <summary>The batch on a device.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The batch is below 1.</exception>
    internal int BatchOn(ComputeDevice device)
    {
        const int onGpu = 128, onHost = 8;
        int batch = Batch ?? (device is GpuDevice ? onGpu : onHost);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        return batch;
    }

    /// <summary>The arithmetic on a device.</summary>
    internal MatrixArithmetic ArithmeticOn(ComputeDevice device) => device switch
    {
        GpuDevice gpu => Arithmetic ?? (gpu.TensorCores == TensorCorePath.Portable ? MatrixArithmetic.Fp32 : MatrixArithmetic.Bf16Times6),
        _ => MatrixArithmetic.Fp32,
    };

    /// <summary>The arithmetics by the words of a command line.</summary>
    public static IReadOnlyDictionary<string, MatrixArithmetic> Arithmetics { get; } = new Dictionary<string, MatrixArithmetic>(StringComparer.Ordinal)
    {
        ["fp32"] = MatrixArithmetic.Fp32,
        ["bf16x3"] = MatrixArithmetic.Bf16Times3,
        ["bf16x6"] = MatrixArithmetic.Bf16Times6,
    };

    /// <summary>An arithmetic in words for a report.</summary>
    internal static string Describe(MatrixArithmetic arithmetic) => arithmetic switch
    {
        MatrixArithmetic.Bf16Times3 => "three products of bf16 parts, summed in fp32 (relative error of a layer about 5e-6)",
        MatrixArithmetic.Bf16Times6 => "six products of bf16 parts, summed in fp32",
        _ => "fp32",
    };
}

/// <summary>How Inception's input is made of images of another size.</summary>
public enum InceptionResizing
{
    /// <summary>TensorFlow 1's: without half-pixel centres; bytes become (x - 128) / 128. What EDM, StyleGAN, torch-fidelity and ADM report.</summary>
    Tf1,

    /// <summary>With half-pixel centres; bytes become x / 127.5 - 1. What pytorch-fid reports.</summary>
    HalfPixel,
}
