using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>y[n, c] = the mean of channel c over all pixels of image n.</summary>
/// <remarks>Forward only: networks that judge images are not trained here.</remarks>
public static partial class GlobalMean
{
    private const string Name = "global-mean";

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32.</param>
    /// <returns>(N, C).</returns>
    /// <exception cref="ArgumentException">x is not (N, H, W, C) fp32, is dual, or needs a gradient.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x)
    {
        Expect.Float32(Name, x);
        Expect.NoTangent(Name, x);
        Expect.NoGradient(Name, program, x);
        if (x.Shape.Rank != 4)
            throw new ArgumentException($"{Name}: {x} is not (N, H, W, C)");
        Tensor y = program.Allocate(new Shape(x.Shape.N, x.Shape.C));
        program.Emit($"{Name}.forward", [x], [y], cpu => ForwardCpu(cpu, x, y), gpu => ForwardGpu(gpu, x, y));
        return y;
    }
}
