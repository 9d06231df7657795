using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// y = N(x) = x / (sqrt(mean x^2) + epsilon), the mean over runs of channels of a pixel: over all of them, EDM2's pixel normalisation, or over those of
/// an attention's head (arXiv:2312.02696). With it, in the same pass, gain silu(y), the input of the convolution that follows.
/// </summary>
/// <remarks>
/// With n the root and r = 1 / (n + epsilon): tangent ty = r tx - x r^2 mean(x tx) / n. The Jacobian is symmetric, so backward
/// dx += r g - x r^2 mean(x g) / n with g = dy + gain silu'(y) ds. In a run of zeros, the second terms are 0. Only x is kept for the backward pass.
/// </remarks>
public static partial class MagnitudeNorm
{
    private const string Name = "magnitude-norm";
    private const int WritesNorm = 1, WritesActivated = 2;

    /// <summary>Normalises runs of channels; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), fp32 or, on a GPU, bf16.</param>
    /// <param name="run">Channels that are normalised together; divides C.</param>
    /// <param name="epsilon">Added to the root mean square; positive.</param>
    /// <returns>A tensor of x's shape and type.</returns>
    /// <exception cref="ArgumentException">The run does not divide C, epsilon is not positive, or x is bf16 on the host.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor x, int run, float epsilon = 1e-4f) => Record(program, x, run, epsilon, null).Y;

    /// <summary>Normalises all channels of a pixel, and activates them; the outputs carry tangents if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(..., C), fp32 or, on a GPU, bf16.</param>
    /// <param name="gain">Factor of the SiLU.</param>
    /// <param name="epsilon">Added to the root mean square; positive.</param>
    /// <returns>y and gain silu(y), each of x's shape and type.</returns>
    /// <exception cref="ArgumentException">Epsilon is not positive, or x is bf16 on the host.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static (Tensor Y, Tensor Activated) WithSilu(ComputeProgram program, Tensor x, float gain, float epsilon = 1e-4f)
    {
        (Tensor y, Tensor? activated) = Record(program, x, x.Shape.C, epsilon, gain);
        return (y, activated!);
    }

    private static (Tensor Y, Tensor? Activated) Record(ComputeProgram program, Tensor x, int run, float epsilon, float? gain)
    {
        Expect.Activations(Name, x);
        if (run < 1 || x.Shape.C % run != 0)
            throw new ArgumentException($"{Name}: runs of {run} channels do not divide those of {x}");
        if (!(epsilon > 0))
            throw new ArgumentException($"{Name}: epsilon is {epsilon}, not positive");
        Tensor y = program.AllocateLike(x);
        Tensor? activated = gain is null ? null : program.AllocateLike(x);
        var extents = new Extents(x, run, epsilon, gain);
        Forward(program, extents, x, new(y, activated));
        program.Tape?.Record(
            activated is null ? [y] : [y, activated], [x], () => Backward(program, extents.WithoutTangent(), x.Primal, y.Primal, activated?.Primal));
        if (activated is not null)
        {
            program.Tape?.Recompute(activated.Primal, () =>
            {
                Tensor again = program.Allocate(x.Shape, type: x.Type);
                Forward(program, extents.WithoutTangent(), x.Primal, new(null, again));
                return again;
            });
        }

        return (y, activated);
    }

    private static void Forward(ComputeProgram program, Extents extents, Tensor x, Outputs outputs) => program.Emit(
        $"{Name}.{(x.HasTangent ? "tangent" : "forward")}", [x], [outputs.Y, outputs.Activated],
        cpu => ForwardCpu(cpu, extents, x, outputs), gpu => ForwardGpu(gpu, extents, x, outputs));

    private static void Backward(ComputeProgram program, Extents extents, Tensor x, Tensor y, Tensor? activated)
    {
        Tape tape = program.Tape!;
        (Tensor? dy, float factor) = tape.HasCotangent(y) ? tape.ScaledCotangent(y) : (null, 0f);
        Tensor? ds = activated is not null && tape.HasCotangent(activated) ? tape.Cotangent(activated) : null;
        if (tape.Slot(program, x) is not { } dx)
            return;
        var gradients = new Gradients(dy, factor, ds, dx);
        program.Emit(
            $"{Name}.backward", [x, dy, ds, dx.ReadTensor], [dx.Tensor],
            cpu => BackwardCpu(cpu, extents, x, gradients), gpu => BackwardGpu(gpu, extents, x, gradients));
    }

    /// <summary>What the forward pass writes: at least one of N(x) and its activation.</summary>
    private sealed record Outputs(Tensor? Y, Tensor? Activated)
    {
        /// <summary>Any of them, for a kernel's argument that is not used.</summary>
        public Tensor Some => Y ?? Activated!;

        /// <summary>Which of them are written, as kernels take it.</summary>
        public int Written => (Y is null ? 0 : WritesNorm) | (Activated is null ? 0 : WritesActivated);
    }

    /// <summary>What the backward pass reads and writes; a cotangent is null where nothing reads the output.</summary>
    private sealed record Gradients(Tensor? Dy, float Factor, Tensor? Activated, GradientSlot X);

    /// <summary>Extents and constants; also a kernel parameter, hence only fields of four bytes.</summary>
    internal struct Extents
    {
        /// <summary>Number of runs, and elements in a run.</summary>
        public int Rows, Run;

        /// <summary>1 if x carries a tangent, otherwise 0.</summary>
        public int Tangent;

        public float Epsilon, Gain;

        /// <summary>1 over the number of elements in a run.</summary>
        public float OverRun;

        public Extents(Tensor x, int run, float epsilon, float? gain) =>
            (Rows, Run, Tangent, Epsilon, Gain, OverRun) = (x.Count / run, run, x.HasTangent ? 1 : 0, epsilon, gain ?? 0f, 1f / run);

        /// <summary>Elements from the primal to the tangent.</summary>
        public readonly int TangentOffset => Rows * Run;

        public readonly Extents WithoutTangent()
        {
            Extents copy = this;
            copy.Tangent = 0;
            return copy;
        }

        /// <summary>Norm of a run with a mean square.</summary>
        public readonly MagnitudeScale Of(float meanSquare) => MagnitudeScale.Of(meanSquare, Epsilon);
    }
}
