using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolution with any window, step and borders, and what follows it in one op:
/// y[n, h, w, k] = f(bias[k] + residual[n, h, w, k] + sum over r, s, c of weight[k, r, s, c] x[n, Stride h - Top + r, Stride w - Left + s, c]).
/// </summary>
/// <remarks>
/// Forward only, for networks that judge images; layers that are trained have <see cref="Conv2d"/> and <see cref="Linear"/>. On a GPU the pixels under each window
/// become a row of a matrix (im2col), unless the window is one pixel and the products take fp32, and the matrix, split into bf16 parts or not, goes through the
/// products of linear layers. Parts of images under 3x3 windows with step 1 go through those of <see cref="Conv2d"/> instead, in two sums, the second of which has the
/// parts that decide the magnitude: sums of tensor cores lose a little with every addition. Large batches are taken in pieces, so that a matrix has at most 2^28
/// elements. A batch norm behind a convolution is a factor of its filters and a bias, which whoever loads the weights multiplies in.
/// </remarks>
public static partial class GeneralConv2d
{
    private const string Name = "general-conv2d";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32.</param>
    /// <param name="weight">Filters (K, R, S, C), bias and window, which outlive the program.</param>
    /// <param name="activation">f.</param>
    /// <param name="residual">(N, H', W', K), fp32, or null.</param>
    /// <returns>(N, H', W', K).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or a tensor is dual or needs a gradient.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, GeneralWeight weight, Activation activation = Activation.None, Tensor? residual = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Tensor y = program.Allocate(weight.Window.Output(Name, x, weight.Shape.N));
        Into(program, x, weight, y, 0, activation, residual);
        return y;
    }

    /// <summary>Applies the op and writes into some channels of a tensor, which other ops fill up.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32.</param>
    /// <param name="weight">Filters (K, R, S, C), bias and window, which outlive the program.</param>
    /// <param name="y">(N, H', W', C'), fp32.</param>
    /// <param name="firstChannel">First of the K channels of y that are written.</param>
    /// <param name="activation">f.</param>
    /// <param name="residual">(N, H', W', K), fp32, or null.</param>
    /// <exception cref="ArgumentException">As for <see cref="Apply"/>, or y does not fit.</exception>
    public static void Into(
        ComputeProgram program, Tensor x, GeneralWeight weight, Tensor y, int firstChannel, Activation activation = Activation.None, Tensor? residual = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Record(program, new Layer(x, weight, y, firstChannel, activation, residual), MaxMatrix);
    }

    /// <summary>Checks the operands and records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="layer">The operands.</param>
    /// <param name="maxMatrix">Maximum number of elements of a matrix of pixels, unless one image has more.</param>
    internal static void Record(ComputeProgram program, Layer layer, long maxMatrix)
    {
        (Tensor x, GeneralWeight weight, Tensor y, int firstChannel, _, Tensor? residual) = layer;
        Expect.Float32(Name, x, y, residual);
        Expect.NoTangent(Name, x, y, residual);
        Expect.NoGradient(Name, program, x, residual, weight.Bias);
        int k = weight.Shape.N;
        Shape shape = weight.Window.Output(Name, x, y.Shape.C);
        if (weight.Shape.C != x.Shape.C)
            throw new ArgumentException($"{Name}: x {x}, weight (K, R, S, C) {weight.Shape}: channels differ");
        if (y.Shape != shape || firstChannel < 0 || firstChannel + k > y.Shape.C)
            throw new ArgumentException($"{Name}: {k} channels from {firstChannel} on of {y}; wanted {shape}");
        if (residual is not null && residual.Shape != new Shape(shape.N, shape.H, shape.W, k))
            throw new ArgumentException($"{Name}: the residual {residual} is not {new Shape(shape.N, shape.H, shape.W, k)}");
        if (program.Device is GpuDevice)
            RecordProducts(program, layer, maxMatrix);
        else
            program.Emit($"{Name}.forward", [x, weight.Matrix, weight.Bias, residual], [y], cpu => ForwardCpu(cpu, layer), _ => throw OnHost());
    }

    private static NotSupportedException OnHost() => new($"{Name} is one step on the host, and several on a GPU");

    /// <summary>The operands.</summary>
    internal sealed record Layer(Tensor X, GeneralWeight Weight, Tensor Y, int First, Activation Activation, Tensor? Residual)
    {
        /// <summary>Images first to first + count.</summary>
        public Layer Images(int first, int count) => this with
        {
            X = Part(X, first, count),
            Y = Part(Y, first, count),
            Residual = Residual is null ? null : Part(Residual, first, count),
        };

        private static Tensor Part(Tensor t, int first, int count) =>
            t.Slice(first * (t.Shape.Count / t.Shape.N), new Shape(count, t.Shape.H, t.Shape.W, t.Shape.C));
    }
}
