using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The maximum or the mean of each channel over a moving window. Pixels beyond the border count for neither: the mean is divided by the number of real pixels in
/// the window, as in TensorFlow's AvgPool with padding 'SAME'.
/// </summary>
/// <remarks>Forward only: networks that judge images are not trained here.</remarks>
public static partial class Pool2d
{
    private const string Name = "pool2d";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32.</param>
    /// <param name="kind">Maximum or mean.</param>
    /// <param name="window">The window; each position must hold a real pixel, which smaller borders than extents ensure.</param>
    /// <returns>(N, H', W', C).</returns>
    /// <exception cref="ArgumentException">x is not (N, H, W, C) fp32, is dual or needs a gradient, or the window does not fit.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, PoolKind kind, Window2d window)
    {
        Tensor y = program.Allocate(window.Output(Name, x, x.Shape.C));
        Into(program, x, kind, window, y, 0);
        return y;
    }

    /// <summary>Applies the op and writes into some channels of a tensor, which other ops fill up.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32.</param>
    /// <param name="kind">Maximum or mean.</param>
    /// <param name="window">The window.</param>
    /// <param name="y">(N, H', W', C'), fp32.</param>
    /// <param name="firstChannel">First of the C channels of y that are written.</param>
    /// <exception cref="ArgumentException">As for <see cref="Apply"/>, or y does not fit.</exception>
    public static void Into(ComputeProgram program, Tensor x, PoolKind kind, Window2d window, Tensor y, int firstChannel)
    {
        Expect.Float32(Name, x, y);
        Expect.NoTangent(Name, x, y);
        Expect.NoGradient(Name, program, x);
        Shape shape = window.Output(Name, x, y.Shape.C);
        if (y.Shape != shape || firstChannel < 0 || firstChannel + x.Shape.C > y.Shape.C)
            throw new ArgumentException($"{Name}: {x.Shape.C} channels from {firstChannel} on of {y}; wanted {shape}");
        if ((shape.H - 1) * window.Stride - window.Top >= x.Shape.H || (shape.W - 1) * window.Stride - window.Left >= x.Shape.W)
            throw new ArgumentException($"{Name}: the last position of {window} holds no pixel of {x}");
        program.Emit($"{Name}.forward", [x], [y], cpu => ForwardCpu(cpu, x, kind, window, y, firstChannel), gpu => ForwardGpu(gpu, x, kind, window, y, firstChannel));
    }
}

/// <summary>What a pool makes of the pixels in its window.</summary>
public enum PoolKind
{
    /// <summary>The largest value.</summary>
    Max,

    /// <summary>The mean of the real pixels.</summary>
    Average,
}
