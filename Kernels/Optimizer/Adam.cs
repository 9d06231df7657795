using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Adam (arXiv:1412.6980, Algorithm 1): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// theta -= rate m / (1 - b1^k) / (sqrt(v / (1 - b2^k)) + epsilon) at step k, not counting skipped steps. The same pass over the
/// slabs moves an average, makes the bf16 compute weights and sets the gradients to zero for the next step.
/// </summary>
/// <remarks>
/// Bound by memory: with an average and compute weights, a parameter moves 42 bytes (five slabs read, five written, and 2 bytes), so
/// the 60 million of the cifar10 preset move 2.5 GB: 0.84 ms at 3 TB/s, about the rate of a copy on an H100.
/// Elements that are not finite count as 0 if the options say so; the pass stays as it is, since they are replaced in registers.
/// If <see cref="GradientNorm"/> skips the step, the op only clears the gradients; master weights, moments, average and k stay
/// unchanged. The bias corrections 1 - b^k lie in device memory in float64, so that a resumed run continues with the same bits.
/// </remarks>
public static partial class Adam
{
    private const string Name = "adam";

    /// <summary>Number of elements of the optimizer's state besides the moments: 1 - b1^k, 1 - b2^k and k, all zero before the first step.</summary>
    public const int StateLength = 3;

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="slabs">Slabs to update.</param>
    /// <param name="options">Decay of the moments, and epsilon.</param>
    /// <param name="learningRate">Learning rate (1), fp32, written before each run.</param>
    /// <param name="clip">Clip decision of <see cref="GradientNorm.Into"/> on the gradients, Float32 (2).</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, an option is out of range, or a tensor is dual or on another device.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static void Into(ComputeProgram program, AdamSlabs slabs, AdamOptions options, Tensor learningRate, Tensor clip) =>
        Emit(program, Name, rectified: 0, slabs, options, learningRate, clip);

    /// <summary>Emits a step for the coefficients and one for the pass over the slabs.</summary>
    internal static void Emit(
        ComputeProgram program, string op, int rectified, AdamSlabs slabs, AdamOptions options, Tensor learningRate, Tensor clip)
    {
        Require(op, slabs, options, learningRate);
        GradientNorm.RequireClip(op, clip);
        Tensor coefficients = program.Allocate(new Shape(3));
        program.Emit(
            $"{op}.coefficients", [slabs.State, learningRate, clip], [slabs.State, coefficients],
            _ => CoefficientsCpu(slabs.State, learningRate, clip, coefficients, options, rectified),
            gpu => CoefficientsGpu(gpu, slabs.State, learningRate, clip, coefficients, options, rectified));
        program.Emit(
            $"{op}.update",
            [slabs.MasterWeights, slabs.Gradients, slabs.FirstMoments, slabs.SecondMoments, slabs.Average?.Values, slabs.Average?.Gain, coefficients, clip],
            [slabs.MasterWeights, slabs.Gradients, slabs.FirstMoments, slabs.SecondMoments, slabs.Average?.Values, slabs.ComputeWeights],
            cpu => UpdateCpu(cpu, slabs, coefficients, clip, options), gpu => UpdateGpu(gpu, slabs, coefficients, clip, options));
    }

    private static void Require(string op, AdamSlabs slabs, AdamOptions options, Tensor learningRate)
    {
        Expect.Float32(op, slabs.MasterWeights, slabs.Gradients, slabs.FirstMoments, slabs.SecondMoments, learningRate);
        Expect.NoTangent(op, slabs.MasterWeights, slabs.Gradients, slabs.FirstMoments, slabs.SecondMoments);
        Shape shape = slabs.MasterWeights.Shape;
        if (slabs.Gradients.Shape != shape || slabs.FirstMoments.Shape != shape || slabs.SecondMoments.Shape != shape)
        {
            throw new ArgumentException(
                $"{op}: the shapes of master weights {shape}, gradients {slabs.Gradients.Shape} and moments {slabs.FirstMoments.Shape}, {slabs.SecondMoments.Shape} differ");
        }

        if (slabs.ComputeWeights is { } compute && (compute.Type != DType.BFloat16 || compute.Shape != shape))
            throw new ArgumentException($"{op}: compute weights {compute} must be {shape} {DType.BFloat16}");
        if (slabs.Average is { } average)
            ExponentialAverage.Require(op, slabs.MasterWeights, average.Values, average.Gain);
        if (slabs.State.Type != DType.Float64 || slabs.State.Shape != new Shape(StateLength) || learningRate.Shape != new Shape(1))
            throw new ArgumentException($"{op}: state {slabs.State} and learning rate {learningRate} must be ({StateLength}) Float64 and (1) Float32");
        if (options is not { Beta1: >= 0 and < 1, Beta2: >= 0 and < 1, Epsilon: > 0 })
            throw new ArgumentException($"{op}: betas must be in [0, 1) and epsilon positive, not {options}");
    }
}

/// <summary>Slabs that Adam and RAdam update, all of one shape on one device.</summary>
/// <param name="MasterWeights">Master weights, fp32.</param>
/// <param name="Gradients">Gradients of the master weights, fp32; zero after the step.</param>
/// <param name="FirstMoments">First moments: running means of the gradients, fp32.</param>
/// <param name="SecondMoments">Second moments: running means of their squares, fp32.</param>
/// <param name="State">Bias corrections and step, Float64 (3): <see cref="Adam.StateLength"/>.</param>
public sealed record AdamSlabs(Tensor MasterWeights, Tensor Gradients, Tensor FirstMoments, Tensor SecondMoments, Tensor State)
{
    /// <summary>Compute weights, which receive the new values in bf16, rounded to nearest; null if there are none.</summary>
    public Tensor? ComputeWeights { get; init; }

    /// <summary>
    /// Average that the same pass moves towards the new values, as <see cref="ExponentialAverage"/> does with this gain (1);
    /// null if there is none.
    /// </summary>
    public (Tensor Values, Tensor Gain)? Average { get; init; }
}

/// <summary>Constants of Adam and RAdam.</summary>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the corrected second moment; positive.</param>
public sealed record AdamOptions(float Beta1, float Beta2, float Epsilon)
{
    /// <summary>Whether gradient elements that are infinite or NaN count as 0, as <see cref="GradientNorm"/> then has counted them.</summary>
    public bool ZeroNonFinite { get; init; }
}
