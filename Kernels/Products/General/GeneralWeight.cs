using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Filters, bias and window of a <see cref="GeneralConv2d"/> as its products take them, on a device for good: weights that never change are split into parts once.
/// </summary>
public sealed class GeneralWeight : IDisposable
{
    /// <summary>Grain of rows and columns of a matrix of parts: 16 bytes.</summary>
    internal const int Grain = 8;

    private GeneralWeight(Shape shape, Window2d window, MatrixArithmetic arithmetic, Tensor bias, Tensor matrix, Tensor? main) =>
        (Shape, Window, Arithmetic, Bias, Matrix, Main) = (shape, window, arithmetic, bias, matrix, main);

    /// <summary>(K, R, S, C).</summary>
    public Shape Shape { get; }

    /// <summary>The window, R x S.</summary>
    public Window2d Window { get; }

    /// <summary>Arithmetic of the products.</summary>
    public MatrixArithmetic Arithmetic { get; }

    /// <summary>(K) fp32.</summary>
    internal Tensor Bias { get; }

    /// <summary>
    /// (K, 1, 1, R S C) fp32, or (K padded, 1, 1, parts x R S C padded) bf16, whose parts lie side by side in the order of <see cref="MatrixParts.Right"/>; where the
    /// window <see cref="SuitsTaps"/> (K padded, 3, 3, (parts - 1) x C padded), all parts but the last. What is padded is zero.
    /// </summary>
    internal Tensor Matrix { get; }

    /// <summary>The last part by itself, (K padded, 3, 3, C padded), where the window <see cref="SuitsTaps"/>; or null.</summary>
    internal Tensor? Main { get; }

    /// <summary>R S C: terms of a sum.</summary>
    internal int Depth => (int)(Shape.Count / Shape.N);

    /// <summary>Places in a row of one part of the matrix of pixels; channels of one part, if the products go tap by tap.</summary>
    internal int PaddedDepth => Arithmetic == MatrixArithmetic.Fp32 ? Depth : Padded(Main is null ? Depth : Shape.C);

    /// <summary>Brings filters to a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="shape">(K, R, S, C): outputs, height and width of the window, input channels.</param>
    /// <param name="weight">The filters.</param>
    /// <param name="bias">(K), or nothing for zeros.</param>
    /// <param name="window">The window, R x S.</param>
    /// <param name="arithmetic">Arithmetic of the products; on the host fp32 whatever is asked for.</param>
    /// <exception cref="ArgumentException">The numbers of values are not those of the shape, the shape has not four extents, or the window has others.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static GeneralWeight Create(
        ComputeDevice device, Shape shape, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, Window2d window, MatrixArithmetic arithmetic)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (shape.Rank != 4 || weight.Length != shape.Count || (bias.Length != shape.N && !bias.IsEmpty) || (shape.H, shape.W) != (window.Height, window.Width))
            throw new ArgumentException($"general-conv2d: {weight.Length} weights and {bias.Length} biases are not (K, R, S, C) {shape} and (K), for {window}");
        if (device is CpuDevice)
            arithmetic = MatrixArithmetic.Fp32;
        Tensor biases = bias.IsEmpty ? device.CreateTensor(new Shape(shape.N)) : device.CreateTensor(new Shape(shape.N), bias);
        if (arithmetic == MatrixArithmetic.Fp32)
            return new GeneralWeight(shape, window, arithmetic, biases, device.CreateTensor(new Shape(shape.N, 1, 1, weight.Length / shape.N), weight), null);
        ReadOnlySpan<int> parts = MatrixParts.Right(arithmetic);
        return SuitsTaps(window)
            ? new GeneralWeight(shape, window, arithmetic, biases, Split(device, shape, weight, parts[..^1]), Split(device, shape, weight, parts[^1..]))
            : new GeneralWeight(shape, window, arithmetic, biases, Split(device, new Shape(shape.N, 1, 1, weight.Length / shape.N), weight, parts), null);
    }

    /// <summary>Releases the memory.</summary>
    public void Dispose()
    {
        Matrix.Dispose();
        Main?.Dispose();
        Bias.Dispose();
    }

    /// <summary>A number of channels, padded to whole pieces of 16 bytes.</summary>
    internal static int Padded(int channels) => (channels + Grain - 1) / Grain * Grain;

    /// <summary>Whether products of parts go over the taps of the images themselves: for 3x3 windows with step 1, of whose outputs those at the border may be cut off.</summary>
    private static bool SuitsTaps(Window2d window) => window is { Height: 3, Width: 3, Stride: 1, Top: < 2, Left: < 2, Bottom: < 2, Right: < 2 };

    /// <summary>Splits filters (K, R, S, C) into parts, which lie side by side within each tap.</summary>
    private static Tensor Split(ComputeDevice device, Shape shape, ReadOnlySpan<float> weight, ReadOnlySpan<int> parts)
    {
        int channels = shape.C, padded = Padded(channels), stride = parts.Length * padded;
        BFloat16[] values = new BFloat16[checked(Padded(shape.N) * shape.H * shape.W * stride)];
        Span<BFloat16> split = stackalloc BFloat16[3];
        for (int i = 0; i < weight.Length; i++)
        {
            float left = weight[i];
            for (int part = 0; part < split.Length; part++)
            {
                split[part] = BFloat16.FromSingle(left);
                left -= BFloat16.ToSingle(split[part]);
            }

            int to = i / channels * stride + i % channels;
            for (int part = 0; part < parts.Length; part++)
                values[to + part * padded] = split[parts[part]];
        }

        Tensor matrix = device.CreateTensor(new Shape(Padded(shape.N), shape.H, shape.W, stride), DType.BFloat16);
        matrix.Upload<BFloat16>(values);
        return matrix;
    }
}
