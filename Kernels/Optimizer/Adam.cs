using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Adam (arXiv:1412.6980, Algorithm 1): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// theta -= rate m / (1 - b1^k) / (sqrt(v / (1 - b2^k)) + epsilon) at the k-th step taken. One pass over the slabs, which
/// also moves an average, makes the bf16 compute weights and sets the gradients to zero for the next step.
/// </summary>
/// <remarks>
/// Bound by memory: with an average and compute weights a parameter costs 42 bytes (five slabs read, five written, and 2 bytes), so
/// the 60 million of the cifar10 preset cost 2.5 GB: 0.84 ms at 3 TB/s, about what a copy reaches on an H100.
/// Where the <see cref="GradientNorm">verdict</see> is to skip, only the gradients are cleared: values, moments, average and k
/// hold still. The bias corrections 1 - b^k are kept in float64 in device memory, so that a resumed run goes on with the same bits.
/// </remarks>
public static partial class Adam
{
    private const string Name = "adam";

    /// <summary>Elements of the optimizer's state besides the moments: 1 - b1^k, 1 - b2^k and k. All zero before the first step.</summary>
    public const int StateLength = 3;

    /// <summary>Records the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="slabs">What is updated.</param>
    /// <param name="options">The moments' decay and epsilon.</param>
    /// <param name="learningRate">The learning rate (1), written before each run.</param>
    /// <param name="verdict">The verdict on the gradients.</param>
    /// <exception cref="ArgumentException">Shapes, types or options do not fit.</exception>
    public static void Into(ComputeProgram program, AdamSlabs slabs, AdamOptions options, Tensor learningRate, Tensor verdict) =>
        Emit(program, Name, rectified: 0, slabs, options, learningRate, verdict);

    /// <summary>Emits the coefficients of the step, one thread, and the pass over the slabs.</summary>
    internal static void Emit(
        ComputeProgram program, string op, int rectified, AdamSlabs slabs, AdamOptions options, Tensor learningRate, Tensor verdict)
    {
        Require(op, slabs, options, learningRate);
        GradientNorm.RequireVerdict(op, verdict);
        Tensor coefficients = program.Allocate(new Shape(3));
        program.Emit(
            $"{op}.coefficients", [slabs.State, learningRate, verdict], [slabs.State, coefficients],
            _ => CoefficientsCpu(slabs.State, learningRate, verdict, coefficients, options, rectified),
            gpu => CoefficientsGpu(gpu, slabs.State, learningRate, verdict, coefficients, options, rectified));
        program.Emit(
            $"{op}.update",
            [slabs.Values, slabs.Gradients, slabs.First, slabs.Second, slabs.Average?.Values, slabs.Average?.Gain, coefficients, verdict],
            [slabs.Values, slabs.Gradients, slabs.First, slabs.Second, slabs.Average?.Values, slabs.ComputeWeights],
            cpu => UpdateCpu(cpu, slabs, coefficients, verdict, options), gpu => UpdateGpu(gpu, slabs, coefficients, verdict, options));
    }

    private static void Require(string op, AdamSlabs slabs, AdamOptions options, Tensor learningRate)
    {
        Expect.Float32(op, slabs.Values, slabs.Gradients, slabs.First, slabs.Second, learningRate);
        Expect.NoTangent(op, slabs.Values, slabs.Gradients, slabs.First, slabs.Second);
        Shape shape = slabs.Values.Shape;
        if (slabs.Gradients.Shape != shape || slabs.First.Shape != shape || slabs.Second.Shape != shape)
        {
            throw new ArgumentException(
                $"{op}: values {shape}, gradients {slabs.Gradients.Shape} and moments {slabs.First.Shape}, {slabs.Second.Shape} differ");
        }

        if (slabs.ComputeWeights is { } compute && (compute.Type != DType.BFloat16 || compute.Shape != shape))
            throw new ArgumentException($"{op}: compute weights {compute} must be {shape} {DType.BFloat16}");
        if (slabs.Average is { } average)
            ExponentialAverage.Require(op, slabs.Values, average.Values, average.Gain);
        if (slabs.State.Type != DType.Float64 || slabs.State.Shape != new Shape(StateLength) || learningRate.Shape != new Shape(1))
            throw new ArgumentException($"{op}: state {slabs.State} and learning rate {learningRate} must be ({StateLength}) Float64 and (1) Float32");
        if (options is not { Beta1: >= 0 and < 1, Beta2: >= 0 and < 1, Epsilon: > 0 })
            throw new ArgumentException($"{op}: betas are in [0, 1) and epsilon is positive, not {options}");
    }
}

/// <summary>What an optimizer of Adam's family updates, flat slabs of one shape on one device.</summary>
/// <param name="Values">The parameters.</param>
/// <param name="Gradients">Their gradients; zero after the step.</param>
/// <param name="First">Running mean of the gradient.</param>
/// <param name="Second">Running mean of its square.</param>
/// <param name="State">Float64 (3): <see cref="Adam.StateLength"/>.</param>
public sealed record AdamSlabs(Tensor Values, Tensor Gradients, Tensor First, Tensor Second, Tensor State)
{
    /// <summary>Receives the new values as bf16, rounded to nearest; null for none.</summary>
    public Tensor? ComputeWeights { get; init; }

    /// <summary>
    /// An average moved towards the new values in the same pass, as <see cref="ExponentialAverage"/> would with this gain (1);
    /// null for none.
    /// </summary>
    public (Tensor Values, Tensor Gain)? Average { get; init; }
}

/// <summary>Constants of Adam and RAdam.</summary>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the corrected second moment; positive.</param>
public sealed record AdamOptions(float Beta1, float Beta2, float Epsilon);
