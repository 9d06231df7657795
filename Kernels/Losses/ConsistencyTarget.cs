using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The regression target of continuous-time consistency training, F- + g / (|g| + c) with
/// g = -cos^2 t (sigma_d F- - dx/dt) - r (cos t sin t x_t + sigma_d J), per sample (arXiv:2410.11081, Algorithm 1).
/// </summary>
/// <remarks>
/// F- is the primal and J = cos t sin t dF/dt the tangent of one dual pass, whose input tangent already holds the factor
/// cos t sin t: J is never divided by it, which keeps the ends of [0, pi/2] finite. At r = 1, g = cos t df/dt with the
/// consistency function f = cos t x_t - sin t sigma_d F. Everything is a constant to the tape, so nothing is recorded.
/// </remarks>
public static partial class ConsistencyTarget
{
    private const string Name = "consistency-target";

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="f">The network's output F- with tangent J, dual, (N, ...).</param>
    /// <param name="xt">The noisy sample x_t, of f's shape, with the data's standard deviation (not divided by it).</param>
    /// <param name="dxdt">dx_t/dt along the chosen flow, of f's shape.</param>
    /// <param name="cos">cos t (N).</param>
    /// <param name="sin">sin t (N).</param>
    /// <param name="r">The warm-up of the tangent, in [0, 1], (1): it changes between runs of the program.</param>
    /// <param name="sigmaData">Standard deviation of the data, positive.</param>
    /// <param name="c">The constant in the normalisation, at least 0; the paper has 0.1.</param>
    /// <param name="norm">How |g| is measured.</param>
    /// <param name="tangentNorm">The Euclidean norm of each sample's g before normalisation (N), for statistics.</param>
    /// <returns>The target, of f's shape, without tangent.</returns>
    /// <exception cref="ArgumentException">f is not dual, or shapes or types do not fit.</exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor f, Tensor xt, Tensor dxdt, Tensor cos, Tensor sin, Tensor r, float sigmaData, float c, TangentNorm norm,
        out Tensor tangentNorm)
    {
        Expect.Float32(Name, f, xt, dxdt, cos, sin, r);
        Expect.NoTangent(Name, xt, dxdt, cos, sin, r);
        if (!f.HasTangent)
            throw new ArgumentException($"{Name}: f {f} carries no tangent");
        var perSample = new Shape(f.Shape.N);
        if (xt.Shape != f.Shape || dxdt.Shape != f.Shape || cos.Shape != perSample || sin.Shape != perSample || r.Shape.Count != 1)
            throw new ArgumentException($"{Name}: f {f}, xt {xt}, dxdt {dxdt}, cos {cos}, sin {sin}, r {r} do not fit");
        Tensor target = program.Allocate(f.Shape);
        Tensor length = tangentNorm = program.Allocate(perSample);
        var inputs = new Inputs(f, xt, dxdt, cos, sin, r, sigmaData, c, norm);
        program.Emit(
            $"{Name}.forward", [f, xt, dxdt, cos, sin, r], [target, length],
            cpu => ForwardCpu(cpu, inputs, target, length), gpu => ForwardGpu(gpu, inputs, target, length));
        return target;
    }

    private sealed record Inputs(
        Tensor F, Tensor Xt, Tensor DxDt, Tensor Cos, Tensor Sin, Tensor R, float SigmaData, float C, TangentNorm Norm)
    {
        public int Size => F.Count / F.Shape.N;

        /// <summary>What the Euclidean norm is multiplied by before c is added.</summary>
        public float NormScale => Norm == TangentNorm.Euclidean ? 1f : 1f / MathF.Sqrt(Size);
    }
}

/// <summary>How the length of a sample's tangent is measured before the tangent is divided by it.</summary>
public enum TangentNorm
{
    /// <summary>The Euclidean norm, as in the paper: c hardly matters at the dimension of an image.</summary>
    Euclidean,

    /// <summary>The root mean square: the tangent keeps its scale where it is below c, and the step does not depend on the dimension.</summary>
    RootMeanSquare,
}
