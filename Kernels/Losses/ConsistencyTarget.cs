using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Regression target of continuous-time consistency training, F- + g / (|g| + c) with
/// g = -cos^2 t (sigma_data F- - dx_t/dt) - r (cos t sin t x_t + sigma_data J), per sample (arXiv:2410.11081, Algorithm 1).
/// </summary>
/// <remarks>
/// One dual pass gives F- as primal and J = cos t sin t dF/dt as tangent: the input's tangent already holds the factor
/// cos t sin t, and no division by it follows, which keeps the ends of [0, pi/2] finite. At r = 1, g = cos t df/dt with the
/// consistency function f = cos t x_t - sin t sigma_data F. Not recorded on the tape, so the op is a stop-gradient.
/// </remarks>
public static partial class ConsistencyTarget
{
    private const string Name = "consistency-target";

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="f">Output F- of the network with tangent J, dual, (N, ...), fp32.</param>
    /// <param name="xt">Noisy samples x_t, of f's shape, in the data's unit (not divided by sigma_data).</param>
    /// <param name="dxdt">Velocity dx_t/dt of the data or a teacher, of f's shape, in the data's unit per radian.</param>
    /// <param name="cos">cos t (N).</param>
    /// <param name="sin">sin t (N).</param>
    /// <param name="r">Warm-up factor of the tangent (1), in [0, 1], written before each run.</param>
    /// <param name="sigmaData">Standard deviation of the data, positive.</param>
    /// <param name="c">Constant of the normalisation, at least 0; the paper has 0.1.</param>
    /// <param name="norm">Norm that measures |g|.</param>
    /// <param name="tangentNorm">Euclidean norm of each sample's g before normalisation (N), for statistics.</param>
    /// <returns>The target, of f's shape, without tangent.</returns>
    /// <exception cref="ArgumentException">f is not dual, another input is, shapes or types do not fit, or a tensor is on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor f, Tensor xt, Tensor dxdt, Tensor cos, Tensor sin, Tensor r, float sigmaData, float c, TangentNorm norm,
        out Tensor tangentNorm)
    {
        Expect.Float32(Name, f, xt, dxdt, cos, sin, r);
        Expect.NoTangent(Name, xt, dxdt, cos, sin, r);
        if (!f.HasTangent)
            throw new ArgumentException($"{Name}: f {f} carries no tangent, which the op needs");
        var perSample = new Shape(f.Shape.N);
        if (xt.Shape != f.Shape || dxdt.Shape != f.Shape || cos.Shape != perSample || sin.Shape != perSample || r.Shape.Count != 1)
            throw new ArgumentException($"{Name}: the shapes of f {f}, xt {xt}, dxdt {dxdt}, cos {cos}, sin {sin} and r {r} do not fit");
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

        /// <summary>Factor of the Euclidean norm before c is added.</summary>
        public float NormScale => Norm == TangentNorm.Euclidean ? 1f : 1f / MathF.Sqrt(Size);
    }
}

/// <summary>Norm by which a sample's tangent is divided.</summary>
public enum TangentNorm
{
    /// <summary>Euclidean norm, as in the paper: at the dimension of an image, c hardly matters.</summary>
    Euclidean,

    /// <summary>Root mean square: a tangent below c keeps its scale, and the size of the step does not depend on the dimension.</summary>
    RootMeanSquare,
}
