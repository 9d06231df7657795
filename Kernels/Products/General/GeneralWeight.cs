using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Filters and bias of a <see cref="GeneralConv2d"/> as its products take them, on a device for good: weights that never change are split into parts once.
/// </summary>
public sealed class GeneralWeight : IDisposable
{
    /// <summary>Grain of rows and columns of a matrix of parts: 16 bytes.</summary>
    internal const int Grain = 8;

    private GeneralWeight(Shape shape, MatrixArithmetic arithmetic, Tensor matrix, Tensor bias) =>
        (Shape, Arithmetic, Matrix, Bias) = (shape, arithmetic, matrix, bias);

    /// <summary>(K, R, S, C).</summary>
    public Shape Shape { get; }

    /// <summary>Arithmetic of the products.</summary>
    public MatrixArithmetic Arithmetic { get; }

    /// <summary>
    /// (K, R S C) fp32, or (K padded, parts x R S C padded) bf16, zero where padded, whose parts lie side by side in the order of <see cref="MatrixParts.Right"/>.
    /// </summary>
    internal Tensor Matrix { get; }

    /// <summary>(K) fp32.</summary>
    internal Tensor Bias { get; }

    /// <summary>R S C: terms of a sum.</summary>
    internal int Depth => (int)(Shape.Count / Shape.N);

    /// <summary>Places in a row of one part.</summary>
    internal int PaddedDepth => Arithmetic == MatrixArithmetic.Fp32 ? Depth : Padded(Depth);

    /// <summary>Brings filters to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="shape">(K, R, S, C): outputs, height and width of the window, input channels.</param>
    /// <param name="weight">The filters.</param>
    /// <param name="bias">(K), or nothing for zeros.</param>
    /// <param name="arithmetic">Arithmetic of the products; on the host fp32 whatever is asked for.</param>
    /// <exception cref="ArgumentException">The numbers of values are not those of the shape, or the shape has not four extents.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static GeneralWeight Create(ComputeDevice device, Shape shape, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, MatrixArithmetic arithmetic)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (shape.Rank != 4 || weight.Length != shape.Count || (bias.Length != shape.N && !bias.IsEmpty))
            throw new ArgumentException($"general-conv2d: {weight.Length} weights and {bias.Length} biases are not (K, R, S, C) {shape} and (K)");
        if (device is CpuDevice)
            arithmetic = MatrixArithmetic.Fp32;
        Tensor biases = bias.IsEmpty ? device.CreateTensor(new Shape(shape.N)) : device.CreateTensor(new Shape(shape.N), bias);
        int depth = weight.Length / shape.N;
        Tensor matrix = arithmetic == MatrixArithmetic.Fp32
            ? device.CreateTensor(new Shape(shape.N, depth), weight)
            : Split(device, shape.N, weight, arithmetic);
        return new GeneralWeight(shape, arithmetic, matrix, biases);
    }

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        Matrix.Dispose();
        Bias.Dispose();
    }

    /// <summary>A number of channels, padded to whole pieces of 16 bytes.</summary>
    internal static int Padded(int channels) => (channels + Grain - 1) / Grain * Grain;

    private static Tensor Split(ComputeDevice device, int rows, ReadOnlySpan<float> weight, MatrixArithmetic arithmetic)
    {
        ReadOnlySpan<int> parts = MatrixParts.Right(arithmetic);
        int depth = weight.Length / rows, padded = Padded(depth), stride = parts.Length * padded;
        BFloat16[] values = new BFloat16[checked(Padded(rows) * stride)];
        Span<BFloat16> split = stackalloc BFloat16[3];
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < depth; i++)
            {
                float left = weight[row * depth + i];
                for (int part = 0; part < split.Length; part++)
                {
                    split[part] = BFloat16.FromSingle(left);
                    left -= BFloat16.ToSingle(split[part]);
                }

                for (int part = 0; part < parts.Length; part++)
                    values[row * stride + part * padded + i] = split[parts[part]];
            }
        }

        Tensor matrix = device.CreateTensor(new Shape(Padded(rows), stride), DType.BFloat16);
        matrix.Upload<BFloat16>(values);
        return matrix;
    }
}
